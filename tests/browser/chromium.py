"""The browser of these tests: a Chromium that is there, else one that is installed, talking to 127.0.0.1 only."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Error, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_SECONDS = 200.0
"""For all that is tried together: a test may take 240 s, and should say itself why there is no browser."""

VERSION_SECONDS = 30.0

APT_GET = ("apt-get", "-o", "Dpkg::Use-Pty=0", "-o", "APT::Install-Recommends=false")
Command = tuple[str, ...]
DEBIANS_PACKAGE: tuple[Command, ...] = ((*APT_GET, "update"), (*APT_GET, "install", "-y", "chromium"))
PLAYWRIGHTS_OWN: tuple[Command, ...] = ((sys.executable, "-m", "playwright", "install", "chromium"),)
INSTALLERS = (DEBIANS_PACKAGE, PLAYWRIGHTS_OWN) if os.geteuid() == 0 else (PLAYWRIGHTS_OWN,)

FLAGS = [
    # No name but this machine's has an address, so whatever the browser asks for by itself goes nowhere.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
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


def launch(playwright: Playwright, path: Path) -> Browser:
    """Raises NoBrowserError: it does not start."""
    try:
        # Root has no sandbox: Chromium refuses to run with one.
        return playwright.chromium.launch(executable_path=path, args=FLAGS, chromium_sandbox=os.geteuid() != 0)
    except Error as error:
        raise NoBrowserError(f"{path} does not start: {error}. Install a Chromium that does.") from error


def find_or_install(own_path: Path, installers: tuple[tuple[Command, ...], ...] = INSTALLERS) -> Path:
    """The program of a Chromium that runs. Parallel test processes install once.

    `own_path`: where Playwright's own is if it is installed. `installers`: each of them some commands, tried in order.

    Raises:
        NoBrowserError: with what was tried and what to do.
    """
    if path := _find(own_path):
        return path
    with (Path(tempfile.gettempdir()) / f"slipbin-chromium-{os.geteuid()}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Another process installs it now. What fails there would fail here, after as long a time.
            fcntl.flock(lock, fcntl.LOCK_EX)
            attempts = ["another test process tried to install one"]
        else:
            attempts = [] if _find(own_path) else _install(own_path, installers)
        if path := _find(own_path):
            return path
    raise NoBrowserError(
        "The browser tests need Chromium, and there is none: none of "
        f"{', '.join(NAMES)} on PATH runs, Playwright's own is not installed, and {'; '.join(attempts)}. "
        "Install Debian's package (apt-get install chromium) or Playwright's (python -m playwright install chromium)."
    )


def _find(own_path: Path) -> Path | None:
    candidates = [Path(found) for name in NAMES if (found := shutil.which(name))]
    return next((path for path in [*candidates, own_path] if path.exists() and _runs(path)), None)


def _runs(path: Path) -> bool:
    """Some systems have a `chromium` that only says how to get one."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=VERSION_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _install(own_path: Path, installers: tuple[tuple[Command, ...], ...]) -> list[str]:
    """Try one installer after the other until there is a browser; return what went wrong."""
    attempts: list[str] = []
    deadline = time.monotonic() + INSTALL_SECONDS
    for commands in installers:
        for command in commands:
            if trouble := _run(command, deadline - time.monotonic()):
                attempts.append(trouble)
                break
        if _find(own_path):
            break
    return attempts


def _run(command: Command, seconds: float) -> str | None:
    """What went wrong in at most so many seconds, None if nothing did."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=max(seconds, 0),
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{' '.join(command)} failed: {error}"
    if done.returncode == 0:
        return None
    last_line = done.stdout.strip().rpartition("\n")[2]
    return f"{' '.join(command)} failed: {last_line or f'exit code {done.returncode}'}"
