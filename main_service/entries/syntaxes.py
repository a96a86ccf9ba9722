"""The languages a paste can be in: the aliases of Pygments' lexers, and formats that only have a view."""

from functools import cache

from pygments.lexers import get_all_lexers

_COMMON = [
    "ansi",
    "bash",
    "c",
    "cpp",
    "csharp",
    "css",
    "csv",
    "diff",
    "docker",
    "go",
    "html",
    "ini",
    "java",
    "javascript",
    "json",
    "kotlin",
    "lua",
    "make",
    "markdown",
    "nginx",
    "perl",
    "php",
    "powershell",
    "python",
    "r",
    "ruby",
    "rust",
    "sql",
    "swift",
    "text",
    "toml",
    "typescript",
    "xml",
    "yaml",
]


_WITHOUT_LEXER = {"ansi": "Terminal output", "csv": "CSV", "tsv": "TSV"}
"""What Pygments has no lexer for: shown plain as code, and in colour or as a table in its view."""

_OTHER_NAMES = {"text": "Plain text"}
"""What Pygments calls otherwise."""


@cache
def _names_by_alias() -> dict[str, str]:
    lexers = get_all_lexers(plugins=False)
    known = {alias.lower(): name for name, aliases, _, _ in lexers for alias in reversed(aliases)}
    return _WITHOUT_LEXER | known | _OTHER_NAMES


def is_syntax(alias: str) -> bool:
    return alias in _names_by_alias()


def syntax_name(alias: str) -> str:
    """The name of the language; the alias itself if a newer Pygments no longer knows it."""
    return _names_by_alias().get(alias, alias)


@cache
def common_syntaxes() -> list[tuple[str, str]]:
    """Alias and name of the most common languages, sorted by name."""
    return sorted(((alias, syntax_name(alias)) for alias in _COMMON), key=_by_name)


@cache
def all_syntaxes() -> list[tuple[str, str]]:
    """First alias and name of every language, sorted by name."""
    lexers = get_all_lexers(plugins=False)
    known = ((alias := aliases[0].lower(), _OTHER_NAMES.get(alias, name)) for name, aliases, _, _ in lexers if aliases)
    return sorted((*known, *_WITHOUT_LEXER.items()), key=_by_name)


def _by_name(syntax: tuple[str, str]) -> str:
    return syntax[1].lower()
