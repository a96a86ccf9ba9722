"""The browser of these tests: a Chromium that is there, else one that is installed, talking to 127.0.0.1 only."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Error, Playwright

from tests.support import installing
from tests.support.installing import Commands, NotInstalledError, debians_package

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The first has the same engine without the windows around it, and needs a third of the time for each test."""
VERSION_SECONDS = 30.0

PLAYWRIGHTS_OWN: Commands = ((sys.executable, "-m", "playwright", "install", "chromium"),)
INSTALLERS = (debians_package(NAMES[0]), PLAYWRIGHTS_OWN) if os.geteuid() == 0 else (PLAYWRIGHTS_OWN,)

FLAGS = [
    # These two it would ask for all the same: who is signed in, and what is new. It never connects to port 9.
    "--gaia-url=http://127.0.0.1:9/",
    "--component-updater=url-source=http://127.0.0.1:9/",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-quic",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
]


class NoBrowserError(Exception):
    """There is no Chromium here and none could be installed."""


def launch(playwright: Playwright, path: Path, *, names: Sequence[str] = ()) -> Browser:
    """Start a browser. `names`: what it finds at 127.0.0.1.

    Raises:
        NoBrowserError: it does not start.
    """
    # No other name has an address, so whatever the browser asks for by itself goes nowhere.
    rules = [*(f"MAP {name} 127.0.0.1" for name in names), "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"]
    flags = [*FLAGS, f"--host-resolver-rules={' , '.join(rules)}"]
    try:
        # Root has no sandbox: Chromium refuses to run with one.
        return playwright.chromium.launch(executable_path=path, args=flags, chromium_sandbox=os.geteuid() != 0)
    except Error as error:
        raise NoBrowserError(f"{path} does not start: {error}. Install a Chromium that does.") from error


def find_or_install(own_path: Path, installers: Sequence[Commands] = INSTALLERS) -> Path:
    """The program of a Chromium that runs. Parallel test processes install once.

    `own_path`: where Playwright's own is if it is installed. `installers`: each of them some commands, tried in order.

    Raises:
        NoBrowserError: with what was tried and what to do.
    """
    try:
        return installing.find_or_install("chromium", lambda: _find(own_path), installers)
    except NotInstalledError as error:
        raise NoBrowserError(
            "The browser tests need Chromium, and there is none: none of "
            f"{', '.join(NAMES)} on PATH runs, Playwright's own is not installed, and {error}. "
            "Install Debian's package (apt-get install chromium-headless-shell) or Playwright's "
            "(python -m playwright install chromium)."
        ) from error


def _find(own_path: Path) -> Path | None:
    candidates = [Path(found) for name in NAMES if (found := shutil.which(name))]
    return next((path for path in [*candidates, own_path] if path.exists() and _runs(path)), None)


def _runs(path: Path) -> bool:
    """Some systems have a `chromium` that only says how to get one."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=VERSION_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
