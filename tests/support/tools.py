"""Programs of Debian's packages that some tests need."""

import os
import shutil

import pytest


def needs(program: str, package: str) -> str:
    """The path of a program. Without it, tests are skipped, and in continuous integration they fail."""
    # Servers are often in folders that only root's PATH has.
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say(f"{program} is missing (Debian: apt install {package})")
    return found
