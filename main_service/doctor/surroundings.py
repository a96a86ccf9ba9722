"""Where this process runs, as far as that affects what it can reach."""

import ipaddress
import os
from pathlib import Path

_CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))


def is_in_container() -> bool:
    """Whether this is one of several containers of Docker or Podman, whose network is not that of the host.

    Where a launcher runs everything in one container, that is as good as a machine.
    """
    return not os.environ.get("SLIPBIN_LAUNCHER") and any(file.exists() for file in _CONTAINER_FILES)


def is_local(host: str) -> bool:
    """Whether a host means this machine, wherever it is named."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
