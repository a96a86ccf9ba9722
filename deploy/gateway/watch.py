"""Reloads the gateway when its certificate is replaced: python -m deploy.gateway.watch …

It takes the arguments of deploy.gateway, and runs that with `--running` whenever the files of the certificate have
changed, and once a day, because a self-signed certificate must be replaced before it expires.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from deploy.gateway.given_files import digest

EVERY_SECONDS = 10.0
DAY_SECONDS = 86_400
TAKEN_UP = "taken-up"
"""The file in the gateway's folder with the digest of the certificate that was loaded last."""
LOOKED = "looked"
"""The file there that is touched at each look."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.gateway.watch", description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--certificates", type=Path)
    given, _ = parser.parse_known_args()
    command = [sys.executable, "-m", "deploy.gateway", *sys.argv[1:], "--running"]
    every_seconds = float(os.environ.get("SLIPBIN_WATCH_SECONDS", EVERY_SECONDS))
    looked_at = time.monotonic()
    last = _taken_up(given.folder)
    while True:
        now = digest(given.certificates)
        if now != last or time.monotonic() - looked_at > DAY_SECONDS:
            subprocess.run(command, check=False)  # noqa: S603 - our own arguments
            # A certificate that was refused is not tried again until it changes.
            last, looked_at = now, time.monotonic()
        (given.folder / LOOKED).touch()
        time.sleep(every_seconds)


def _taken_up(folder: Path) -> str:
    try:
        return (folder / TAKEN_UP).read_text()
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    main()
