"""Draws static/favicon-*.png from static/favicon.svg with Chromium: `make icons`.

Phones put them on their home screens, and chats beside links: there nothing may be transparent, and what is near the
edges may be cut off. Each picture holds the digest of its source, so that a test sees when it is out of date.
"""

import struct
import zlib
from hashlib import sha256
from pathlib import Path

from playwright.sync_api import sync_playwright

from main_service.web.templating import STATIC
from tests.browser.chromium import find_or_install, launch

SOURCE = STATIC / "favicon.svg"
SIZES = (180, 192, 512)
"""In px: for Apple's home screen, for the manifest, and for link previews."""
GROUND = "#e3f2ed"
_SHARE = 0.64
"""How much of the width the drawing takes: within the circle that every launcher keeps."""
_SIGNATURE_BYTES = 8
_HEADER_BYTES = 25


def path_of(size: int) -> Path:
    return STATIC / f"favicon-{size}.png"


def digest() -> str:
    return sha256(SOURCE.read_bytes()).hexdigest()


def main() -> None:
    with sync_playwright() as playwright:
        browser = launch(playwright, find_or_install(Path(playwright.chromium.executable_path)))
        page = browser.new_page()
        for size in SIZES:
            page.set_viewport_size({"width": size, "height": size})
            page.set_content(
                f"<style>body {{ margin: 0; background: {GROUND}; display: grid; place-items: center; height: 100vh }}"
                f"svg {{ width: {size * _SHARE}px }}</style>{SOURCE.read_text()}"
            )
            path_of(size).write_bytes(_with_digest(page.screenshot()))
        browser.close()


def _with_digest(png: bytes) -> bytes:
    """The PNG with a chunk of text behind its header."""
    text = b"Source\0" + digest().encode()
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text + struct.pack(">I", zlib.crc32(b"tEXt" + text))
    at = _SIGNATURE_BYTES + _HEADER_BYTES
    return png[:at] + chunk + png[at:]


if __name__ == "__main__":
    main()
