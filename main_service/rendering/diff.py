"""Differences in colour: what each file loses and gains, with the numbers of its lines before and after."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from main_service.rendering.job import Fragment, Option
from main_service.rendering.markup import escaped

MAX_LINES = 20_000
MAX_LISTED_FILES = 300
LINES_PER_CHUNK = 200

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_COMBINED_HUNK = re.compile(r"(@{3,}) [-+\d, ]+ @{3,}")
_GIT_HEADER = re.compile(r"diff --(?:git|cc|combined) ")
_GIT_FACT = re.compile(
    r"(?:index|old mode|new mode|new file mode|deleted file mode|similarity index|dissimilarity index|rename from"
    r"|rename to|copy from|copy to|Binary files|GIT binary patch|Only in|Index:|={20,})"
)
_KINDS = {"+": "i", "-": "d"}
"""Classes of the lines that were inserted or deleted."""


class Line(NamedTuple):
    text: str
    kind: str = ""
    """A class: `i`, `d`, `h` for headers and remarks, `u` for the start of a hunk, empty for context."""
    before: int | None = None
    """Its number in the file before."""
    after: int | None = None


@dataclass(slots=True)
class File:
    """What a difference says about one file."""

    name: str = ""
    """Empty for what comes before the first file."""
    lines: list[Line] = field(default_factory=list)
    inserted: int = 0
    deleted: int = 0

    def add(self, line: Line) -> None:
        self.lines.append(line)
        self.inserted += line.kind == "i"
        self.deleted += line.kind == "d"


def render(text: str, options: Mapping[str, Option]) -> Fragment:
    """The kind `diff` of the renderer. `is_cut`: whether the text is only the beginning."""
    lines = text.removesuffix("\n").split("\n", MAX_LINES)
    is_cut = bool(options.get("is_cut")) or len(lines) > MAX_LINES
    files = list(_files(lines[:MAX_LINES]))
    changed = [file for file in files if file.name]
    summary = _summary(changed, is_cut=is_cut) if changed else ""
    numbers = iter(range(1, len(files) + 1))
    sections = [_section(file, next(numbers) if file.name else 0) for file in files if file.lines]
    return Fragment(f'<div class="diff">{summary}{"".join(sections)}</div>', {"is_cut": is_cut})


def _files(lines: Sequence[str]) -> Iterator[File]:
    """The parts of a difference, file by file."""
    reader = _Reader()
    for line, next_line in zip(lines, [*lines[1:], ""], strict=True):
        if ended := reader.read(line.removesuffix("\r"), next_line):
            yield ended
    yield reader.file


class _Reader:
    """Reads a difference line by line. In hunks, lines are counted: one may look like a header."""

    def __init__(self) -> None:
        self.file = File()
        self._has_names = False
        self._before = self._after = 0
        """Numbers of the next line."""
        self._before_left = self._after_left = 0
        """How many lines of the hunk are still to come on either side."""
        self._signs = 1
        """How many characters before each line tell what happened to it: one for each file that was merged."""

    def read(self, line: str, next_line: str) -> File | None:
        """Take a line; return the part before it if it begins another."""
        if (self._before_left > 0 or self._after_left > 0) and self._read_in_hunk(line):
            return None
        self._before_left = self._after_left = 0
        if _GIT_HEADER.match(line):
            return self._begin(_git_name(line), line)
        if line.startswith("--- ") and next_line.startswith("+++ "):
            name = _name(line, next_line)
            if self._has_names or not self.file.name:
                ended = self._begin(name, line)
                self._has_names = True
                return ended
            self._has_names = True
            self.file.name = name or self.file.name
            self.file.add(Line(line, "h"))
        elif hunk := _HUNK.match(line) or _COMBINED_HUNK.match(line):
            self._begin_hunk(hunk)
            self.file.add(Line(line, "u"))
        elif self._signs > 1:
            signs = line[: self._signs]
            self.file.add(Line(line, "i" if "+" in signs else "d" if "-" in signs else ""))
        elif line.startswith(("+++ ", "\\")) or (self.file.name and _GIT_FACT.match(line)):
            self.file.add(Line(line, "h"))
        else:
            self.file.add(Line(line))
        return None

    def _begin(self, name: str, line: str) -> File:
        ended, self.file = self.file, File(name)
        self._has_names, self._signs = False, 1
        self.file.add(Line(line, "h"))
        return ended

    def _begin_hunk(self, hunk: re.Match[str]) -> None:
        if hunk.re is _COMBINED_HUNK:
            self._signs = len(hunk[1]) - 1
            return
        self._signs = 1
        self._before, self._after = int(hunk[1]), int(hunk[3])
        self._before_left = int(hunk[2]) if hunk[2] else 1
        self._after_left = int(hunk[4]) if hunk[4] else 1

    def _read_in_hunk(self, line: str) -> bool:
        """Take a line of a hunk; return whether it is one."""
        sign = line[:1]
        if sign == "\\":
            self.file.add(Line(line, "h"))
            return True
        if sign not in {"+", "-", " ", ""}:
            return False
        is_before, is_after = sign != "+", sign != "-"
        self.file.add(
            Line(line, _KINDS.get(sign, ""), self._before if is_before else None, self._after if is_after else None)
        )
        self._before, self._after = self._before + is_before, self._after + is_after
        self._before_left, self._after_left = self._before_left - is_before, self._after_left - is_after
        return True


def _git_name(line: str) -> str:
    """The name after `b/` in `diff --git a/name b/name`."""
    names = line.split(" ", 2)[2]
    if names.endswith('"'):
        return _unquoted(names[names.rfind(' "') + 1 :]).removeprefix("b/")
    middle = len(names) // 2
    # Where the file was not renamed, both names are as long, whatever they contain.
    if names[middle : middle + 1] == " " and names[1:middle] == names[middle + 2 :]:
        return names[middle + 1 :].removeprefix("b/")
    return names.rpartition(" b/")[2]


def _name(before: str, after: str) -> str:
    """The name of a file in the two lines that begin with `---` and `+++`: the later one, unless it was deleted."""
    names = [line.removesuffix("\r")[4:].partition("\t")[0].strip() for line in (after, before)]
    name = next((name for name in names if name and name != "/dev/null"), "")
    return re.sub(r"^[abciow]/", "", _unquoted(name))


def _unquoted(name: str) -> str:
    """A name that git has put into quotes, because it has characters beyond ASCII or such as line ends."""
    if not (name.startswith('"') and name.endswith('"') and len(name) > 1):
        return name
    octets = re.sub(rb"\\([0-3][0-7]{2})", lambda match: bytes([int(match[1], 8)]), name[1:-1].encode())
    return re.sub(r"\\(.)", r"\1", octets.decode(errors="replace"))


def _summary(files: Sequence[File], *, is_cut: bool) -> str:
    count = f"{len(files):,} file{'s' if len(files) != 1 else ''} changed"
    inserted = sum(file.inserted for file in files)
    deleted = sum(file.deleted for file in files)
    rows = "".join(
        f'<li><a href="#diff-{number}">{escaped(file.name)}</a> {_counts(file.inserted, file.deleted)}</li>'
        for number, file in enumerate(islice(files, MAX_LISTED_FILES), 1)
    )
    if len(files) > MAX_LISTED_FILES:
        rows += f"<li>and {len(files) - MAX_LISTED_FILES:,} more</li>"
    said = "In what is shown: " if is_cut else ""
    return (
        f'<details class="changed"{" open" if len(files) <= 10 else ""}><summary>{said}{count} '
        f"{_counts(inserted, deleted)}</summary><ul>{rows}</ul></details>"
    )


def _counts(inserted: int, deleted: int) -> str:
    return (
        f'<span class="counts"><span class="i"><span class="unseen">lines added: </span>+{inserted:,}</span> '
        f'<span class="d"><span class="unseen">lines deleted: </span>−{deleted:,}</span></span>'
    )


def _section(file: File, number: int) -> str:
    lines = file.lines
    chunks = "".join(
        # HTML parsers drop the first line feed, which would be the text's own.
        "<pre>\n" + "".join(map(_line, lines[start : start + LINES_PER_CHUNK])) + "</pre>"
        for start in range(0, len(lines), LINES_PER_CHUNK)
    )
    if not file.name:
        return f'<div class="said">{chunks}</div>'
    return (
        f'<section id="diff-{number}"><h2><bdi>{escaped(file.name)}</bdi> '
        f'{_counts(file.inserted, file.deleted)}</h2><div class="scroll" tabindex="0" role="region" '
        f'aria-label="Lines of {_quoted(file.name)}">{chunks}</div></section>'
    )


def _quoted(text: str) -> str:
    """Text as the value of an attribute."""
    return escaped(text).replace('"', "&quot;")


def _line(line: Line) -> str:
    # Numbers are no text of the page: neither found in it nor copied.
    before = f' data-before="{line.before}"' if line.before is not None else ""
    after = f' data-after="{line.after}"' if line.after is not None else ""
    numbers = f'<span class="n"{before}{after}></span>'
    return f'<span class="{line.kind or "c"}">{numbers}{escaped(line.text)}\n</span>'
