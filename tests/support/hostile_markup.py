"""Texts that would run a script on a page that does not escape them, as every view of a paste gets them."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

RUN = "window.ran=1;alert(1)"
_MAX_IN_TITLE = 200


def _payloads() -> list[str]:
    groups: Mapping[str, list[str]] = json.loads(Path(__file__).with_suffix(".json").read_text())["payloads"]
    return [payload.replace("RUN", RUN) for group in groups.values() for payload in group]


PAYLOADS = _payloads()
assert len(PAYLOADS) >= 80


def _written_csv(separator: str) -> str:
    lines = io.StringIO()
    csv.writer(lines, delimiter=separator).writerows([payload, payload[::-1], "1"] for payload in PAYLOADS)
    return lines.getvalue()


def _difference() -> str:
    files = []
    for payload in PAYLOADS:
        name = payload.split("\n")[0]
        files.append(f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@ {name}\n-{name}\n+{name}")
    return "\n".join(files)


_LINES = "\n".join(PAYLOADS)

HOSTILE: tuple[tuple[str | None, str], ...] = (
    ("markdown", "\n\n".join(PAYLOADS)),
    ("markdown", "---\n" + "\n".join(f"k{at}: {line}" for at, line in enumerate(_LINES.split("\n"))) + "\n---\n"),
    (
        "markdown",
        "\n".join(f"# {line}\n- [x] {line}\n\n|{line}|b|\n|--|--|\n|{line}|b|\n" for line in _LINES.split("\n")),
    ),
    ("csv", _written_csv(",")),
    ("csv", _LINES),
    ("tsv", _written_csv("\t")),
    ("json", json.dumps({f"{payload}{at}": [payload] for at, payload in enumerate(PAYLOADS)})),
    ("json", f'["{_LINES}'),
    ("diff", _difference()),
    ("diff", _LINES),
    ("ansi", _LINES),
    ("ansi", "\n".join(f"\x1b[31m{payload}\x1b[0m\r\x1b[K{payload}" for payload in PAYLOADS)),
    ("html", _LINES),
    (None, _LINES),
)
"""Languages with texts that hold all payloads, in the places that a view makes something of."""

HARMLESS: Mapping[str | None, str] = {
    "markdown": "x\n", "csv": "a\n1\n", "tsv": "a\n1\n", "json": "[1]\n", "diff": "x\n", "ansi": "x\n", "html": "x\n",
    None: "x\n",
}  # fmt: skip


def titles() -> Iterator[str]:
    """The payloads as titles, which hold no control characters and none that turn the direction of writing."""
    turns = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
    title = ""
    for payload in PAYLOADS:
        words = "".join(each if each.isprintable() else " " for each in payload if each not in turns).split()
        payload = " ".join(words)[:_MAX_IN_TITLE]
        if len(title) + len(payload) >= _MAX_IN_TITLE:
            yield title
            title = ""
        title = f"{title} {payload}".strip()
    yield title


Element = tuple[str, frozenset[str]]
"""The tag of an element and the names of its attributes."""


class PageElements(HTMLParser):
    """The elements of a page, and attributes that run scripts or lead where none may."""

    _LEADING = frozenset({"href", "src", "action", "formaction", "srcset", "poster", "data", "xlink:href", "ping"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.troubles: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, frozenset(name for name, _ in attrs)))
        for name, value in attrs:
            is_script = name.startswith("on") or name in {"style", "srcdoc"}
            if is_script or (name in self._LEADING and not _may_lead_there(tag, value or "")):
                self.troubles.append(f"<{tag} {name}={value!r}>")

    handle_startendtag = handle_starttag


def _may_lead_there(tag: str, address: str) -> bool:
    is_ours = address.startswith("#") or (address.startswith("/") and not address.startswith(("//", "/\\")))
    return is_ours or (tag == "a" and urlsplit(address).scheme in {"http", "https", "mailto"})
