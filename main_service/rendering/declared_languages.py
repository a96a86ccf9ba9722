"""Languages that a text itself declares: by a shebang, or by a modeline of vim or Emacs."""

import re
from functools import cache

from pygments.lexers import get_all_lexers

_SHEBANG = re.compile(r"#![ \t]*(\S+)[ \t]*([^\r\n]{0,200})")
_VERSION = re.compile(r"[-.\d]+$")
_ASSIGNMENT = re.compile(r"\w+=")

_INTERPRETERS = {
    "ash": "bash",
    "awk": "awk",
    "bash": "bash",
    "bun": "typescript",
    "crystal": "crystal",
    "csh": "tcsh",
    "dart": "dart",
    "dash": "bash",
    "deno": "typescript",
    "elixir": "elixir",
    "escript": "erlang",
    "expect": "tcl",
    "fish": "fish",
    "gawk": "awk",
    "gmake": "make",
    "groovy": "groovy",
    "guile": "scheme",
    "ipython": "python",
    "janet": "janet",
    "julia": "julia",
    "ksh": "bash",
    "lua": "lua",
    "luajit": "lua",
    "make": "make",
    "mawk": "awk",
    "mksh": "bash",
    "node": "javascript",
    "nodejs": "javascript",
    "ocaml": "ocaml",
    "osascript": "applescript",
    "perl": "perl",
    "php": "php",
    "pwsh": "powershell",
    "pypy": "python",
    "python": "python",
    "racket": "racket",
    "raku": "perl6",
    "rscript": "r",
    "ruby": "ruby",
    "runghc": "haskell",
    "runhaskell": "haskell",
    "sbcl": "common-lisp",
    "scala": "scala",
    "sed": "sed",
    "sh": "bash",
    "swift": "swift",
    "swipl": "prolog",
    "tclsh": "tcl",
    "tcsh": "tcsh",
    "ts-node": "typescript",
    "tsx": "typescript",
    "uv": "python",
    "wish": "tcl",
    "zsh": "bash",
}
"""Language by the name of an interpreter in lower case, without a version."""

_MODES = {
    "c++": "cpp",
    "caml": "ocaml",
    "conf": "ini",
    "cperl": "perl",
    "cs": "csharp",
    "dosini": "ini",
    "dosbatch": "batch",
    "fundamental": "text",
    "gitconfig": "ini",
    "htmldjango": "html+django",
    "javascriptreact": "jsx",
    "js2": "javascript",
    "latex": "tex",
    "lisp": "common-lisp",
    "mail": "email",
    "nroff": "groff",
    "objc": "objective-c",
    "plaintex": "tex",
    "ps1": "powershell",
    "r": "r",
    "sh": "bash",
    "shell-script": "bash",
    "terraform": "terraform",
    "text": "text",
    "typescriptreact": "tsx",
    "zsh": "bash",
}
"""Language by what editors call it, where Pygments does not have it by that name."""

_VIM_LINES = 5
"""How many lines at the beginning and at the end vim reads for a modeline."""
_VIM = re.compile(
    # `vim: set ft=python :` and `vim:ft=python:sw=4`; the name must begin a line or follow white space.
    r"(?:^|\s)(?:vim?|ex):[ \t]*(?:set?[ \t])?[^\n]{0,200}?\b(?:ft|filetype|syn|syntax)=([\w+-]{1,30})"
)
_EMACS_LINES = 2
"""The line with a modeline is the first, or the second after a shebang."""
_EMACS = re.compile(
    r"-\*-[ \t]*(?:[^\n]{0,200}?\bmode:[ \t]*([\w+-]{1,30})[^\n]{0,200}?|([\w+-]{1,30})[ \t]*)-\*-", re.IGNORECASE
)
_LONGEST_LINE = 500
"""Modelines are short; longer lines are not searched."""


@cache
def _known() -> dict[str, str]:
    """First alias of each language by all of its aliases, in lower case."""
    lexers = get_all_lexers(plugins=False)
    return {alias.lower(): aliases[0].lower() for _, aliases, _, _ in lexers for alias in reversed(aliases)}


def declared_language(text: str) -> str | None:
    """The alias of the language that a text says it is in; None: it says none, or one that is unknown."""
    return _by_shebang(text) or _by_modeline(text)


def _by_shebang(text: str) -> str | None:
    match = _SHEBANG.match(text.removeprefix("\ufeff"))
    if match is None:
        return None
    path, arguments = match.groups()
    program = path.rpartition("/")[2]
    if program == "env":
        # `env -S PATH=/x python3 -u`: the program is the first word that is neither an option nor an assignment.
        words = (word for word in arguments.split() if not word.startswith("-") and not _ASSIGNMENT.match(word))
        program = next(words, "").rpartition("/")[2]
    name = program.lower()
    return _INTERPRETERS.get(name) or _INTERPRETERS.get(_VERSION.sub("", name))


def _by_modeline(text: str) -> str | None:
    lines = [*text.split("\n", _VIM_LINES)[:_VIM_LINES], *text.rsplit("\n", _VIM_LINES + 1)[-_VIM_LINES - 1 :]]
    for number, line in enumerate(lines):
        if len(line) > _LONGEST_LINE:
            continue
        if match := _VIM.search(line):
            return _of_mode(match[1])
        if number < _EMACS_LINES and (match := _EMACS.search(line)):
            return _of_mode(match[1] or match[2])
    return None


def _of_mode(mode: str) -> str | None:
    mode = mode.lower().removesuffix("-mode").removesuffix("-ts")
    return _MODES.get(mode) or _known().get(mode)
