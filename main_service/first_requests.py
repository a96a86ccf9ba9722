"""Warms up a web process before it takes requests, so that the first ones don't wait."""

from jinja2 import Environment
from sqlalchemy.orm import configure_mappers
from starlette.concurrency import run_in_threadpool

from main_service.web.templating import compile_templates

_TEMPLATES = ("entries/home.html", "entries/paste.html", "entries/preview.html", "problem.html")
"""The templates of pages that strangers open. Compiling each takes tens of milliseconds."""


def compile_readers_templates(templates: Environment) -> None:
    compile_templates(templates, _TEMPLATES)


async def prepare_first_requests() -> None:
    configure_mappers()
    # Makes anyio import its asyncio backend.
    await run_in_threadpool(int)
