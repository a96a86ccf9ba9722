"""Files that machines ask for by name at the root of every site."""

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse

from main_service.web.static_files import DAY_SECONDS
from main_service.web.templating import STATIC

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
    """The drawing that pages name as their icon, for whatever shows no page: browsers go by its type, not its name."""
    return FileResponse(STATIC / "favicon.svg", media_type="image/svg+xml", headers=_KEPT)
