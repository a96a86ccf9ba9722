"""Static files, kept for ever by browsers where the address carries a version."""

from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

DAY_SECONDS = 86_400
YEAR_SECONDS = 365 * DAY_SECONDS


class CachedStaticFiles(StaticFiles):
    """`version`: the query under which a file's present content is asked for, by the file's name; None has none."""

    def __init__(self, directory: Path, *, version: Callable[[str], str | None] = lambda _: None) -> None:
        super().__init__(directory=directory)
        self._version = version

    async def get_response(self, path: str, scope: MutableMapping[str, Any]) -> Response:
        response = await super().get_response(path, scope)
        # Another version may be what a process beside this one has, before or after an update: not to be kept for ever.
        if response.status_code == 200 and scope["query_string"].decode("latin-1") == self._version(path):
            response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
        else:
            response.headers["Cache-Control"] = f"public, max-age={DAY_SECONDS}"
        return response
