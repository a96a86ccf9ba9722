"""A Valkey of a test's own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import redis

from launcher.engines.binaries import find_valkey
from tests.support.engines import wait_for_valkey


@contextmanager
def own_valkey(folder: Path) -> Iterator["redis.Redis[str]"]:
    """A Valkey whose settings and scripts no other test needs; its socket is `valkey.sock` in the folder."""
    engine = find_valkey({})
    settings = {"port": "0", "unixsocket": f"{folder}/valkey.sock", "dir": str(folder), "appendonly": "yes"}
    arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
    server = subprocess.Popen([engine.folder / engine.server, *arguments], stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(unix_socket_path=f"{folder}/valkey.sock", decode_responses=True) as client:
            wait_for_valkey(client)
            yield client
    finally:
        server.terminate()
        server.wait()


def address_of(folder: Path, *, user: str = "") -> str:
    """The address of the Valkey in the folder. `user`: NAME:PASSWORD, if it asks for them."""
    return f"unix://{user + '@' if user else ''}{quote(str(folder))}/valkey.sock?db=0"
