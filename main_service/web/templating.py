"""The Jinja2 environment, and rendering of pages."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, meta

from main_service.settings import Settings
from main_service.web import form_tokens
from main_service.web.session_cookie import has_session_cookie

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
SITE_NAME = "Slipbin"


def create_templates(settings: Settings) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )
    environment.globals |= {
        "static": static_address,
        "site_name": SITE_NAME,
        "public_url": settings.public_url,
        "email_notice": settings.email_notice,
        "abuse_contact": _contact(settings.abuse_contact),
        "leaderboard": settings.leaderboard,
        "takes_curl": "curl" in settings.doors,
    }
    environment.filters |= {"filesize": filesize, "moment": moment}
    return environment


def compile_templates(environment: Environment, names: Iterable[str]) -> None:
    """Compile these templates and all that they use. Otherwise the first request for each would block all others."""
    # In the same order in each process, because the memory that they take depends on the order.
    waiting = list(names)
    for name in waiting:
        environment.get_template(name)
        assert environment.loader is not None
        source, _, _ = environment.loader.get_source(environment, name)
        used = {each for each in meta.find_referenced_templates(environment.parse(source)) if each is not None}
        waiting += sorted(used.difference(waiting))


def contact_address(contact: str) -> str:
    """The URL of MAIN_ABUSE_CONTACT, which is an email address or a URL."""
    return contact if "://" in contact else f"mailto:{quote(contact, safe='@+')}"


def _contact(contact: str | None) -> dict[str, str] | None:
    return None if contact is None else {"label": contact, "href": contact_address(contact)}


def render(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Render a template as a page. `context` must have every name that the template uses."""
    environment: Environment = request.app.state.templates
    names = {"has_session": has_session_cookie(request), **context}
    settings: Settings = request.app.state.resources.settings
    written = environment.get_template(template).render(names, status=status)
    page, cookie = form_tokens.add_token(request, written, settings)
    response = HTMLResponse(page, status)
    if cookie is not None:
        form_tokens.set_cookie(response, cookie, settings)
    return response


@cache
def static_address(name: str) -> str:
    """The URL of a file in static/, with its version, so that browsers may cache it for ever."""
    return f"/static/{name}?{static_version(name)}"


@cache
def static_version(name: str) -> str:
    """The query string that stands for a file's current content."""
    return f"v={sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def filesize(size_bytes: int) -> str:
    if size_bytes < 1024:
        return f"{size_bytes} bytes" if size_bytes != 1 else "1 byte"
    if size_bytes < 1024 * 1024:
        return f"{size_bytes / 1024:.1f} KiB"
    return f"{size_bytes / (1024 * 1024):.1f} MiB"


def moment(instant: datetime) -> str:
    """A time for people, like `1 Dec 2026, 10:00 UTC`."""
    return f"{instant.day} {instant:%b %Y, %H:%M} UTC"
