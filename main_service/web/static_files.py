"""Static files, cached by browsers, and the files that programs request at the root of every site."""

from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from main_service.web.templating import STATIC

DAY_SECONDS = 86_400
YEAR_SECONDS = 365 * DAY_SECONDS


class CachedStaticFiles(StaticFiles):
    """A folder of files. `version`: the query string for the current content of a file, by its name; None: none."""

    def __init__(self, directory: Path, *, version: Callable[[str], str | None] = lambda _: None) -> None:
        super().__init__(directory=directory)
        self._version = version

    async def get_response(self, path: str, scope: MutableMapping[str, Any]) -> Response:
        response = await super().get_response(path, scope)
        # Another version may belong to a process of another release, so it must not be cached for ever.
        if response.status_code == 200 and scope["query_string"].decode("latin-1") == self._version(path):
            response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
        else:
            response.headers["Cache-Control"] = f"public, max-age={DAY_SECONDS}"
        return response


router = APIRouter(include_in_schema=False)

# Crawlers are let in to entries: only there do they read `X-Robots-Tag`, which keeps all but public ones out of search
# engines. An address that they may not open is listed all the same where a page links to it. What is only about an
# entry, and what programs use, is nothing to search for.
ROBOTS = """\
User-agent: *
Disallow: /api/
Disallow: /*/manage
Disallow: /*/stats
Disallow: /*/qr.
Disallow: /*/reveal
"""

_KEPT = {"Cache-Control": f"public, max-age={DAY_SECONDS}"}


@router.get("/robots.txt")
async def robots() -> PlainTextResponse:
    return PlainTextResponse(ROBOTS, headers=_KEPT)


@router.get("/favicon.ico")
async def favicon() -> FileResponse:
    """The icon of the pages, for programs that request `/favicon.ico`. Browsers go by its media type, not its name."""
    return FileResponse(STATIC / "favicon.svg", media_type="image/svg+xml", headers=_KEPT)
