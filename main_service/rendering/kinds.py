"""What the renderer can do with a text: the kinds of jobs, and the module of each."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module

from main_service.rendering.job import Fragment, Option

Render = Callable[[str, Mapping[str, Option]], Fragment]

KINDS = {
    "ansi": "main_service.rendering.ansi",
    "code": "main_service.rendering.highlighting",
    "diff": "main_service.rendering.diff",
    "json": "main_service.rendering.json_view",
    "language": "main_service.rendering.detection",
    "markdown": "main_service.rendering.markdown",
    "plain": "main_service.rendering.plain_text",
    "table": "main_service.rendering.table",
}
"""The module of each kind, which has a function `render`. It is imported with the first job of its kind."""


@cache
def render_of(kind: str) -> Render:
    """The function that renders a kind of text. Its module is imported now."""
    render: Render = import_module(KINDS[kind]).render
    return render
