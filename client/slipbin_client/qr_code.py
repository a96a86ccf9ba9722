"""QR codes: read from the SVG that the service draws, and drawn with characters."""

import re
from collections.abc import Iterator, Sequence

from slipbin_client.errors import ClientError

MAX_MODULES = 177 + 2 * 4
"""The most modules that a side of a code has, its margins included."""

_VIEW_BOX = re.compile(r'viewBox="0 0 (\d{1,3}) \1"')
_STROKE = re.compile(r'<path stroke="[^"]*" d="([^"]*)"')
_STEP = re.compile(r"([Mmh])(-?\d+(?:\.5)?)(?: (-?\d+(?:\.5)?))?")

Modules = Sequence[Sequence[bool]]
"""Rows from the top; True is dark. With the light margin that readers of QR codes need."""


def read_svg(picture: bytes) -> Modules:
    """The modules of a code whose rows are horizontal strokes, one unit high.

    Raises:
        ClientError: the picture is drawn in another way.
    """
    svg = picture.decode(errors="replace")
    box, stroke = _VIEW_BOX.search(svg), _STROKE.search(svg)
    if box is None or stroke is None or not 0 < int(box[1]) <= MAX_MODULES:
        raise ClientError("The service drew the QR code in a way that this client can't read. Use -o code.png")
    size = int(box[1])
    rows = [[False] * size for _ in range(size)]
    x = y = 0.0
    for step in _STEP.finditer(stroke[1]):
        across, down = float(step[2]), float(step[3] or 0)
        if step[1] == "M":
            x, y = across, down
        elif step[1] == "m":
            x, y = x + across, y + down
        else:
            for column in range(int(x), int(x + across)):
                if 0 <= int(y) < size and 0 <= column < size:
                    rows[int(y)][column] = True
            x += across
    return rows


def half_blocks(modules: Modules) -> Iterator[str]:
    """Lines of characters, each two modules high: dark is the foreground."""
    characters = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    for row in range(0, len(modules), 2):
        lower = modules[row + 1] if row + 1 < len(modules) else [False] * len(modules[row])
        yield "".join(characters[pair] for pair in zip(modules[row], lower, strict=True))


def ascii_lines(modules: Modules) -> Iterator[str]:
    """Lines of ASCII, each one module high and each module two characters wide."""
    for row in modules:
        yield "".join("##" if is_dark else "  " for is_dark in row)
