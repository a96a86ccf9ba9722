"""Clients of other services, as npm has them: in a folder of their own, made once for all test runs.

It lies outside the repository, as the one of `tests.support.foreign_clients` does.
"""

import os
import shutil
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.installing import NotInstalledError, find_or_install

_HERE = Path(__file__).parent
_FILES = ("package.json", "package-lock.json")


def node_client(package: str) -> tuple[str, Path]:
    """The path of Node.js, and the folder in which it finds the package.

    Where either is missing, tests are skipped, and in continuous integration fail.
    """
    found = _find()
    if isinstance(found, str):
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say(f"{package} is missing (npm: npm install {package}): {found}")
    return found


@cache
def _find() -> tuple[str, Path] | str:
    """What failed once is not tried again by the same process: a sentence."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "Node.js is missing (Debian: apt install nodejs npm)"
    made_of = sha256(b"".join((_HERE / name).read_bytes() for name in _FILES)).hexdigest()[:16]
    kept_in = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = kept_in / "slipbin-tests" / f"node-clients-{made_of}"
    is_whole = folder / "is-whole"
    install = (
        ("mkdir", "-p", str(folder)),
        ("cp", *(str(_HERE / name) for name in _FILES), str(folder)),
        (npm, "ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"),
        ("touch", str(is_whole)),
    )
    try:
        return node, find_or_install("node-clients", lambda: folder if is_whole.exists() else None, [install])
    except NotInstalledError as error:
        return str(error)
