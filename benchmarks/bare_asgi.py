"""What uvicorn alone can do: a redirect from a dict, without a framework, a store or a visit.

BENCHMARK_LINKS names a JSON file of keys and addresses.
"""

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

Send = Callable[[Mapping[str, Any]], Awaitable[None]]

_links: dict[str, bytes] = {
    f"/{key}": address.encode() for key, address in json.loads(Path(os.environ["BENCHMARK_LINKS"]).read_text()).items()
}


async def app(scope: Mapping[str, Any], _receive: object, send: Send) -> None:
    address = _links.get(scope["path"])
    headers = [(b"content-length", b"0")]
    if address is not None:
        headers += [(b"location", address), (b"cache-control", b"private, no-store")]
    await send({"type": "http.response.start", "status": 404 if address is None else 302, "headers": headers})
    await send({"type": "http.response.body"})
