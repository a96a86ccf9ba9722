"""The man page slipbin(1), made from the help."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import typer

from slipbin_client import VERSION
from slipbin_client.errors import EXIT_CODES

ENVIRONMENT = {
    "SLIPBIN_SITE": "The site to use, in place of the one that was chosen before.",
    "SLIPBIN_TOKEN": "The API token for that site, in place of the one that `slipbin login` kept.",
    "SLIPBIN_MANAGE_TOKEN": "The manage token for `edit`, `claim`, `delete` and `stats`.",
    "SLIPBIN_MAX_WAIT": "How many seconds to wait in all when the service asks to come back later.",
    "VISUAL, EDITOR": "The editor of `slipbin edit`.",
    "NO_COLOR": "If set, nothing is coloured.",
    "HTTPS_PROXY, HTTP_PROXY, NO_PROXY": "The proxies to go through.",
    "SSL_CERT_FILE": "Certificates of authorities to trust, beside those of the system.",
}
FILES = {
    "$XDG_CONFIG_HOME/slipbin/config.json": "The site, and where API tokens are. Default: ~/.config/slipbin.",
    "$XDG_CONFIG_HOME/slipbin/tokens.json": "API tokens, where the system has no keyring. Mode 0600.",
    "$XDG_DATA_HOME/slipbin/manage_tokens.json": "Manage tokens of what was created here without an account."
    " Default: ~/.local/share/slipbin. Mode 0600.",
}


def man_page(command: Any) -> str:
    """The page in the macros of man(7). `command`: `slipbin` with all its subcommands, as Typer has made it."""
    with typer.Context(command, info_name="slipbin", help_option_names=["-h", "--help"]) as context:
        return "\n".join(_lines(command, context)) + "\n"


def _lines(command: Any, context: Any) -> Iterator[str]:
    yield f'.TH SLIPBIN 1 "" "slipbin {VERSION}" "User Commands"'
    summary, *rest = _paragraphs(command.help)
    yield from (".SH NAME", f"slipbin \\- {_text(summary.rstrip('.').lower())}")
    yield from (".SH SYNOPSIS", ".B slipbin", r"[\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGUMENTS\fR]")
    yield from (".SH DESCRIPTION", *_paragraphed(rest))
    yield from (".SH OPTIONS", *_options(command, context))
    yield ".SH COMMANDS"
    for name in command.list_commands(context):
        part = command.get_command(context, name)
        with typer.Context(part, info_name=name, parent=context) as inner:
            yield f'.SS "slipbin {" ".join([name, *_text(" ".join(part.collect_usage_pieces(inner))).split()])}"'
            yield from _paragraphed(_paragraphs(part.help))
            yield from _options(part, inner)
    codes = {str(int(code)): meaning for code, meaning in EXIT_CODES.items()}
    for title, items in (("EXIT STATUS", codes), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        yield f".SH {title}"
        for term, meaning in items.items():
            yield from (".TP", f"\\fB{_text(term)}\\fR", _text(meaning))


def _options(command: Any, context: Any) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and (parameter.name != "help" or context.parent is None):
            yield from (".TP", f"\\fB{_text(record[0])}\\fR", _text(record[1]))


def _paragraphs(text: str) -> list[str]:
    return [" ".join(each.split()) for each in re.split(r"\n\s*\n", text.strip())]


def _paragraphed(paragraphs: Iterable[str]) -> Iterator[str]:
    for each in paragraphs:
        yield from (".PP", _text(each))


def _text(text: str) -> str:
    """The text on one line, in which nothing is a request or an escape of roff."""
    escaped = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-").replace("`", "").replace("~", r"\(ti")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped
