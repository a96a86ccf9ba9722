"""Takes docs/screenshot.png, the picture of the README: the page of a paste that a running server shows."""

import sys
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from tests.browser.chromium import find_or_install, launch

PICTURE = Path(__file__).parents[2] / "docs" / "screenshot.png"
_WIDTH, _HEIGHT = 1280, 720
_TITLE = "retry.py"
_MARKED = "#L17-L20"
_TEXT = '''\
"""Try again when the network fails."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def retry(call: Callable[[], T], *, times: int = 5, first_pause: float = 0.2) -> T:
    """Call until it works, with longer and longer pauses.

    Raises:
        OSError: it failed as often as `times` says.
    """
    for attempt in range(times):
        try:
            return call()
        except OSError as error:
            if attempt == times - 1:
                raise
            pause = first_pause * 2**attempt * random.uniform(0.8, 1.2)
            print(f"{error}: trying again in {pause:.1f} s")
            time.sleep(pause)
    raise ValueError("times must be at least 1")
'''


def draw(site: str, output: Path) -> None:
    """Create a paste, take the picture of its page, and delete the paste.

    Raises:
        httpx.HTTPError: the server isn't there, or refuses.
    """
    with httpx.Client(base_url=site, trust_env=False) as client:
        fields = {"text": _TEXT, "title": _TITLE, "syntax": "python"}
        created = client.post("/api/v1/pastes", json=fields).raise_for_status().json()
        try:
            _take(f"{site}/{created['key']}{_MARKED}", output)
        finally:
            token = {"X-Manage-Token": created["manage_token"]}
            client.delete(f"/api/v1/entries/{created['key']}", headers=token).raise_for_status()


def _take(url: str, output: Path) -> None:
    with sync_playwright() as playwright:
        browser = launch(playwright, find_or_install(Path(playwright.chromium.executable_path)))
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT}, color_scheme="light")
        answer = page.goto(url, wait_until="networkidle")
        assert answer is not None
        assert answer.ok, answer.status
        # From the marked lines, to which the browser has scrolled, back to the title.
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=output)
        browser.close()


if __name__ == "__main__":
    draw(sys.argv[1].rstrip("/"), PICTURE)
    print(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes")
