"""Static files, cached by browsers, and the files that programs request at the root of every site."""

import asyncio
from collections.abc import Callable, MutableMapping
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from main_service.compression.encodings import IDENTITY, MIN_BYTES, best_encoding, compress_thoroughly
from main_service.compression.middleware import is_compressible
from main_service.web.templating import STATIC

DAY_SECONDS = 86_400
YEAR_SECONDS = 365 * DAY_SECONDS


class CachedStaticFiles(StaticFiles):
    """A folder of files, which are compressed once: they hold no secret, so it matters not who asks for them.

    `version`: the query string for the current content of a file, by its name; None: none.
    """

    def __init__(self, directory: Path, *, version: Callable[[str], str | None] = lambda _: None) -> None:
        super().__init__(directory=directory)
        self._version = version
        self._compressed: dict[tuple[str, str], tuple[str, asyncio.Future[bytes]]] = {}
        """The ETag of the file that was compressed, and the result, by path and coding."""

    async def get_response(self, path: str, scope: MutableMapping[str, Any]) -> Response:
        response = await super().get_response(path, scope)
        # Another version may come from a process of another release, so it must not be cached for ever.
        if response.status_code == 200 and scope["query_string"].decode("latin-1") == self._version(path):
            response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
        else:
            response.headers["Cache-Control"] = f"public, max-age={DAY_SECONDS}"
        if is_compressible(guess_type(path)[0] or ""):
            response.headers["Vary"] = "Accept-Encoding"
            if isinstance(response, FileResponse):
                return await self._in_best_encoding(response, Headers(scope=scope))
        return response

    async def _in_best_encoding(self, file: FileResponse, request_headers: Headers) -> Response:
        """The file, compressed if this client accepts it. Each coding has an ETag of its own."""
        encoding = best_encoding(", ".join(request_headers.getlist("accept-encoding")).encode("latin-1"))
        size_bytes = int(file.headers["content-length"])
        # Ranges refer to the uncompressed file.
        if encoding == IDENTITY or size_bytes <= MIN_BYTES or "range" in request_headers:
            return file
        content = await self._compress_once(str(file.path), file.headers["etag"], encoding)
        response = Response(content, headers=dict(file.headers))
        response.headers["content-length"] = str(len(content))
        response.headers["content-encoding"] = encoding
        response.headers["etag"] = f'{file.headers["etag"][:-1]}-{encoding}"'
        del response.headers["accept-ranges"]
        is_known = self.is_not_modified(response.headers, request_headers)
        return NotModifiedResponse(response.headers) if is_known else response

    async def _compress_once(self, path: str, etag: str, encoding: str) -> bytes:
        known_etag, compressing = self._compressed.get((path, encoding), (None, None))
        if compressing is None or known_etag != etag:
            compressing = asyncio.ensure_future(asyncio.to_thread(_read_compressed, Path(path), encoding))
            self._compressed[path, encoding] = etag, compressing
        try:
            # Other requests may wait for the result, even if this client leaves.
            return await asyncio.shield(compressing)
        except OSError:
            self._compressed.pop((path, encoding), None)
            raise


def _read_compressed(path: Path, encoding: str) -> bytes:
    return compress_thoroughly(path.read_bytes(), encoding)


router = APIRouter(include_in_schema=False)

# Crawlers may open entries, because only there they see `X-Robots-Tag`, which keeps all but public ones out of search
# engines: a URL that they may not open is still listed if a page links to it. Pages about an entry, and the API, are of
# no use in a search engine.
ROBOTS = """\
User-agent: *
Disallow: /api/
Disallow: /*/manage
Disallow: /*/edit
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
