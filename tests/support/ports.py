"""Ports of this machine that no one else is given."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of 127.0.0.1 that no other program is given meanwhile, also while none listens there."""
    with socket.socket() as held:
        # It never listens, so a server that sets SO_REUSEADDR too may listen at the same port.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
