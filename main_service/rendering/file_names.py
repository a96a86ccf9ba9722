"""File names and languages: which language a name stands for, and which extension a language has."""

import re
from functools import cache

from pygments.lexers import get_all_lexers

_NAMES = {
    ".bash_aliases": "bash",
    ".bash_logout": "bash",
    ".bash_profile": "bash",
    ".bashrc": "bash",
    ".env": "bash",
    ".gitconfig": "ini",
    ".gitmodules": "ini",
    ".npmrc": "ini",
    ".profile": "bash",
    ".pylintrc": "ini",
    ".rhistory": "r",
    ".rprofile": "r",
    ".zprofile": "bash",
    ".zshenv": "bash",
    ".zshrc": "bash",
    "berksfile": "ruby",
    "brewfile": "ruby",
    "cargo.lock": "toml",
    "composer.lock": "json",
    "containerfile": "docker",
    "fastfile": "ruby",
    "guardfile": "ruby",
    "jenkinsfile": "groovy",
    "justfile": "make",
    "podfile": "ruby",
    "uv.lock": "toml",
}
"""Names of files in lower case that Pygments does not know or lists under another language."""

_EXTENSIONS = {
    # Extensions for which Pygments has several languages. None: only the text can tell.
    "as": "actionscript3",
    "asm": "nasm",
    "b": None,
    "bas": "vb.net",
    "cl": "common-lisp",
    "cp": "cpp",
    "def": None,
    "ecl": None,
    "feature": "gherkin",
    "fs": "fsharp",
    "g": None,
    "gd": "gdscript",
    "h": "c",
    "hh": "cpp",
    "i": None,
    "inc": None,
    "inf": "ini",
    "j": None,
    "lean": "lean4",
    "m": None,
    "mac": None,
    "mi": None,
    "mm": "objective-c++",
    "n": None,
    "p": None,
    "pl": "perl",
    "pm": "perl",
    "pro": None,
    "prolog": "prolog",
    "rl": None,
    "s": "gas",
    "sc": None,
    "sql": "sql",
    "t": "perl",
    "toc": None,
    "ttl": "turtle",
    "u": None,
    "v": None,
    "xsl": "xslt",
    "xslt": "xslt",
    # Extensions that Pygments lacks, or lists under another language than such files usually have.
    "ansi": "ansi",
    "cjs": "javascript",
    "containerfile": "docker",
    "csproj": "xml",
    "csv": "csv",
    "cts": "typescript",
    "dockerfile": "docker",
    "env": "bash",
    "ipynb": "json",
    "jsonc": "json5",
    "jsonl": "json",
    "log": "text",
    "mdown": "markdown",
    "mdx": "markdown",
    "mjs": "javascript",
    "mts": "typescript",
    "ndjson": "json",
    "plist": "xml",
    "r": "r",
    "svelte": "html",
    "svg": "xml",
    "tsv": "tsv",
    "txt": "text",
    "vbs": "vbscript",
    "vcxproj": "xml",
    "zsh": "bash",
}

_EXTENSION_OF = {
    "ansi": "log",
    "bash": "sh",
    "batch": "bat",
    "c": "c",
    "common-lisp": "lisp",
    "cpp": "cpp",
    "csharp": "cs",
    "css": "css",
    "csv": "csv",
    "docker": "dockerfile",
    "fortran": "f90",
    "html": "html",
    "ini": "ini",
    "make": "mk",
    "markdown": "md",
    "nginx": "conf",
    "objective-c": "m",
    "perl": "pl",
    "php": "php",
    "powershell": "ps1",
    "python": "py",
    "r": "r",
    "tex": "tex",
    "text": "txt",
    "tsv": "tsv",
    "vb.net": "vb",
    "xml": "xml",
    "yaml": "yaml",
}
"""The extensions of languages for which the first that Pygments lists is unusual or doubtful."""

PLAIN_EXTENSION = "txt"

_SIMPLE_EXTENSION = re.compile(r"\*\.([A-Za-z0-9+_-]{1,16})")
_DERIVED = re.compile(r"(dockerfile|containerfile|makefile|jenkinsfile)[.-][\w.-]+", re.IGNORECASE)
"""`Dockerfile.dev`: the name of a file, and of what it is for."""


@cache
def _patterns() -> tuple[dict[str, str], dict[str, str]]:
    """Language by name of a file in lower case, and by extension as Pygments writes it."""
    names: dict[str, str] = {}
    extensions: dict[str, str] = {}
    for _, aliases, patterns, _ in get_all_lexers(plugins=False):
        for pattern in patterns if aliases else ():
            if match := _SIMPLE_EXTENSION.fullmatch(pattern):
                extensions.setdefault(match[1], aliases[0].lower())
            elif not re.search(r"[*?\[]", pattern):
                names.setdefault(pattern.lower(), aliases[0].lower())
    return names | _NAMES, extensions


def language_of_extension(extension: str) -> str | None:
    """The alias of the language that an extension stands for, without its dot; None: several, or none.

    Upper case is looked up as it is first: `.S` and `.R` are known as such.
    """
    _, extensions = _patterns()
    lower = extension.lower()
    if lower in _EXTENSIONS:
        return _EXTENSIONS[lower]
    return extensions.get(extension) or extensions.get(lower)


@cache
def names_of_files() -> dict[str, list[str]]:
    """The files of each language: extensions with their dot, such as `.py`, and whole names in lower case."""
    names, extensions = _patterns()
    known = {f".{extension.lower()}": language_of_extension(extension.lower()) for extension in extensions}
    known |= {f".{extension}": language for extension, language in _EXTENSIONS.items()} | names
    found: dict[str, list[str]] = {}
    for name, language in sorted(known.items()):
        if language is not None:
            found.setdefault(language, []).append(name)
    return found


def language_of_file_name(title: str) -> str | None:
    """The alias of the language of the file that a title names; None: it names none, or the text must tell.

    A title with spaces is a sentence that may well end in `node.js`. Folders before the name are ignored.
    """
    if not title or any(character.isspace() for character in title):
        return None
    name = re.split(r"[/\\]", title)[-1]
    names, _ = _patterns()
    if (found := names.get(name.lower())) is not None:
        return found
    if match := _DERIVED.fullmatch(name):
        return names[match[1].lower()]
    _, dot, extension = name.rpartition(".")
    return language_of_extension(extension) if dot else None


def is_file_name(name: str) -> bool:
    """Whether a name is that of a file of text, spaces or not: it is known, or its extension is."""
    names, _ = _patterns()
    stem, _, extension = name.rpartition(".")
    is_known = extension.lower() in _EXTENSIONS or language_of_extension(extension) is not None
    return name.lower() in names or _DERIVED.fullmatch(name) is not None or (bool(stem) and is_known)


@cache
def extension_of_language(language: str | None) -> str:
    """The extension of files in a language, without a dot; `txt` for None and for what has no files of its own."""
    if language is None:
        return PLAIN_EXTENSION
    if language in _EXTENSION_OF:
        return _EXTENSION_OF[language]
    for _, aliases, patterns, _ in get_all_lexers(plugins=False):
        known = [alias.lower() for alias in aliases]
        if language in known:
            if known[0] in _EXTENSION_OF:
                return _EXTENSION_OF[known[0]]
            return next(
                (match[1] for each in patterns if (match := _SIMPLE_EXTENSION.fullmatch(each))), PLAIN_EXTENSION
            )
    return PLAIN_EXTENSION
