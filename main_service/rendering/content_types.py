"""Maps the content types that magika detects to languages, and corrects its frequent mistakes."""

import csv
import re
from collections.abc import Callable
from itertools import islice

LANGUAGES = {
    "aidl": "java",
    "appleplist": "xml",
    "asm": "nasm",
    "autohotkey": "autohotkey",
    "autoit": "autoit",
    "awk": "awk",
    "batch": "batch",
    "bazel": "python",
    "bib": "bibtex",
    "c": "c",
    "clojure": "clojure",
    "cmake": "cmake",
    "cobol": "cobol",
    "coffeescript": "coffeescript",
    "cpp": "cpp",
    "cs": "csharp",
    "csproj": "xml",
    "css": "css",
    "csv": "csv",
    "dart": "dart",
    "diff": "diff",
    "dockerfile": "docker",
    "elixir": "elixir",
    "eml": "email",
    "erb": "html+erb",
    "erlang": "erlang",
    "fortran": "fortran",
    "gemfile": "ruby",
    "gemspec": "ruby",
    "gitmodules": "ini",
    "go": "go",
    "gradle": "groovy",
    "groovy": "groovy",
    "handlebars": "html+handlebars",
    "haskell": "haskell",
    "hcl": "terraform",
    "htaccess": "apacheconf",
    "html": "html",
    "ini": "ini",
    "internetshortcut": "ini",
    "ipynb": "json",
    "java": "java",
    "javascript": "javascript",
    "jinja": "html+django",
    "json": "json",
    "jsonl": "json",
    "julia": "julia",
    "kotlin": "kotlin",
    "latex": "tex",
    "lisp": "common-lisp",
    "lua": "lua",
    "makefile": "make",
    "markdown": "markdown",
    "matlab": "matlab",
    "objectivec": "objective-c",
    "ocaml": "ocaml",
    "pascal": "delphi",
    "pem": "pem",
    "perl": "perl",
    "php": "php",
    "po": "pot",
    "powershell": "powershell",
    "prolog": "prolog",
    "proto": "protobuf",
    "python": "python",
    "r": "r",
    "rdf": "xml",
    "rst": "restructuredtext",
    "ruby": "ruby",
    "rust": "rust",
    "scala": "scala",
    "scss": "scss",
    "shell": "bash",
    "smali": "smali",
    "solidity": "solidity",
    "sql": "sql",
    "svg": "xml",
    "swift": "swift",
    "tcl": "tcl",
    "toml": "toml",
    "tsv": "tsv",
    "twig": "html+twig",
    "typescript": "typescript",
    "vba": "vb.net",
    "vcxproj": "xml",
    "verilog": "verilog",
    "vhdl": "vhdl",
    "vue": "vue",
    "winregistry": "registry",
    "xml": "xml",
    "yaml": "yaml",
    "yara": "yara",
    "zig": "zig",
}
"""Alias by magika's label. What is not here, such as `txt` and all that is no text, is plain text."""

_BEGINNING = 16 * 1024
"""How many characters at the beginning a table or a log is judged by."""
_ROWS = 20
"""How many rows at the beginning a table is judged by."""
_MIN_ROWS = 2
_MIN_COLUMNS = 2

_LOG_LINES = 50
_LOG_SHARE = 0.6
"""Lines of a log may continue on lines without a time, as tracebacks do."""
_LOG_LINE = re.compile(
    # A time as ISO 8601 writes it, with milliseconds even after a comma, and more behind it than a delimiter.
    r"[\[(]?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?:Z| ?[+-]\d\d:?\d\d)?[\])]?[ \t|]+\S"
    # The time of day alone.
    r"|[\[(]?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?[\])]?[ \t|]+\S"
    # syslog: `<34>Oct 11 22:14:15 host`
    r"|(?:<\d{1,3}>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\s"
    # What web servers write: `192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] "GET /`
    r"|[\w.:-]+ \S+ \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:"
    # `INFO: …`, `[WARN] …`, `E0102 15:04:05.000000 …`
    r"|\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\]?[ \t:|]"
    r"|[IWEF]\d{4} \d\d:\d\d:\d\d"
    # `[    0.000000] Linux version`
    r"|\[ *\d+\.\d{6}\] "
)


def language_of(label: str, text: str) -> str | None:
    """The alias for what magika says of the text; None: it is no language, or the text is not what it says."""
    language = LANGUAGES.get(label)
    confirm = _CONFIRM.get(language or "")
    return language if confirm is None or confirm(text) else None


def is_log(text: str) -> bool:
    """Whether most lines at the beginning look like those of a log, a type that magika does not have."""
    lines = [line for line in islice(_lines(text), _LOG_LINES) if line.strip() and not line[0].isspace()]
    return bool(lines) and sum(_LOG_LINE.match(line) is not None for line in lines) >= _LOG_SHARE * len(lines)


def is_table(text: str, delimiter: str) -> bool:
    """Whether the text has as many columns in each of its first rows, and at least two rows of two."""
    try:
        rows = [row for row in islice(csv.reader(_lines(text), delimiter=delimiter, strict=True), _ROWS) if row]
    except csv.Error:
        return False
    columns = len(rows[0]) if rows else 0
    return len(rows) >= _MIN_ROWS and columns >= _MIN_COLUMNS and all(len(row) == columns for row in rows)


def _lines(text: str) -> list[str]:
    """The lines at the beginning, without one that may be cut."""
    lines = text[:_BEGINNING].splitlines(keepends=True)
    return lines if len(text) <= _BEGINNING else lines[:-1]


def _is_csv(text: str) -> bool:
    return not is_log(text) and any(is_table(text, delimiter) for delimiter in ",;|")


_CONFIRM: dict[str, Callable[[str], bool]] = {
    "csv": _is_csv,
    "tsv": lambda text: not is_log(text) and is_table(text, "\t"),
}
"""Checks by alias whether a text really is what magika says: it often takes logs for CSV."""
