"""Draws QR codes of URLs. Drawing one takes some ten milliseconds, so recent ones are kept."""

from functools import lru_cache
from io import BytesIO

import segno

QUIET_ZONE = 4
"""The margin on each side in modules, which QR readers need."""
MIN_SIZE = 128
"""The smallest width of a PNG, in px: enough for our longest URL."""
MAX_SIZE = 2048
DEFAULT_SIZE = 512
SIZES = (MIN_SIZE, 192, 256, 384, DEFAULT_SIZE, 768, 1024, 1536, MAX_SIZE)
"""The sizes in px that are drawn. Others are rounded down, so that each picture is drawn once."""
_KEPT = 1_000


@lru_cache(maxsize=_KEPT)
def draw_svg(url: str) -> bytes:
    """An SVG that scales to its place. Black on white whatever the page's colours, as QR readers need it."""
    picture = BytesIO()
    _make(url).save(
        picture,
        kind="svg",
        xmldecl=False,
        svgclass=None,
        lineclass=None,
        omitsize=True,
        border=QUIET_ZONE,
        dark="#000",
        light="#fff",
    )
    return picture.getvalue()


def draw_png(url: str, size: int) -> bytes:
    """A PNG at most `size` px wide and high: the next smaller one of `SIZES`, or a little less."""
    return _draw_png(url, max(drawn for drawn in SIZES if drawn <= size))


@lru_cache(maxsize=_KEPT)
def _draw_png(url: str, size: int) -> bytes:
    """A PNG whose modules are as many whole px as fit."""
    code = _make(url)
    modules, _ = code.symbol_size(scale=1, border=QUIET_ZONE)
    picture = BytesIO()
    code.save(picture, kind="png", scale=max(1, size // int(modules)), border=QUIET_ZONE, dark="#000", light="#fff")
    return picture.getvalue()


def _make(url: str) -> segno.QRCode:
    # Level M: 15 % may be unreadable.
    return segno.make(url, error="m", micro=False)
