"""Programs of Debian's packages that some tests need."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.installing import debians_package, find_or_install


def needs(program: str, package: str) -> str:
    """The path of a program. Without it, tests are skipped, and in continuous integration they fail."""
    # Servers are often in folders that only root's PATH has.
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say(f"{program} is missing (Debian: apt install {package})")
    return found


def find_curl() -> Path:
    """The path of curl, which is installed where it is missing."""

    def find() -> Path | None:
        found = shutil.which("curl")
        return Path(found) if found else None

    return find_or_install("curl", find, [debians_package("curl")])
