"""Static files, kept for ever by browsers where the address carries a version."""

from collections.abc import MutableMapping
from typing import Any

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

DAY_SECONDS = 86_400
YEAR_SECONDS = 365 * DAY_SECONDS


class CachedStaticFiles(StaticFiles):
    async def get_response(self, path: str, scope: MutableMapping[str, Any]) -> Response:
        response = await super().get_response(path, scope)
        if scope["query_string"].startswith(b"v="):
            response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
        else:
            response.headers["Cache-Control"] = f"public, max-age={DAY_SECONDS}"
        return response
