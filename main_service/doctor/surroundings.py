"""Where this process runs, as far as it changes what can be seen from here."""

import ipaddress
from pathlib import Path

_CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))


def is_in_container() -> bool:
    """Whether this is a container of Docker or Podman: its network is not that of the host."""
    return any(file.exists() for file in _CONTAINER_FILES)


def is_local(host: str) -> bool:
    """Whether a host means this machine, wherever it is named."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
