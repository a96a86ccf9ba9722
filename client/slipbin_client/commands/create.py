"""The commands that create entries: paste and shorten."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from slipbin_client import times
from slipbin_client.commands.options import Alias, AsJson, Context, Expires, Syntax, Title, Views, Visibility, lifetime
from slipbin_client.commands.progress import upload
from slipbin_client.errors import ClientError, ExitCode
from slipbin_client.given_text import STANDARD_INPUT, read_text, title_of
from slipbin_client.session import Session, open_session


def paste(
    context: Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Each becomes a paste. Default: standard input.")
    ] = None,
    expires: Expires = None,
    burn: Annotated[bool, typer.Option("--burn", "-b", help="Burn after reading: delete it after one view.")] = False,
    views: Views = None,
    title: Annotated[
        str | None, typer.Option("--title", "-t", help="What it is called. Default: the name of the file.")
    ] = None,
    syntax: Syntax = None,
    alias: Alias = None,
    visibility: Visibility = None,
    encoding: Annotated[
        str | None,
        typer.Option("--encoding", metavar="NAME", help="What the text is in, if not UTF-8: latin-1, say."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Paste files, or standard input. Prints a link for each.

    A file that can't be pasted is named, and the others are still pasted.
    """
    names = [str(file) for file in files] if files else [STANDARD_INPUT]
    if burn and views is not None:
        raise ClientError("--burn is --views 1: give one of them.", ExitCode.USAGE)
    if len(names) > 1 and (title is not None or alias is not None):
        raise ClientError("--title and --alias are for one file.", ExitCode.USAGE)
    common = _fields(syntax=syntax, alias=alias, visibility=visibility, views=1 if burn else views) | lifetime(expires)
    with open_session(context) as session:
        if STANDARD_INPUT in names and session.output.can_ask:
            session.output.remark("Type or paste the text. Ctrl-D ends it, Ctrl-C gives up.")
        failure: ClientError | None = None
        for name in names:
            fields = common | _fields(title=title_of(name) if title is None and name != STANDARD_INPUT else title)
            try:
                _paste_one(session, name, encoding, fields, as_json=as_json)
            except ClientError as error:
                if len(names) == 1 or error.exit_code is not ExitCode.REFUSED:
                    raise
                session.output.error(error.message if name in error.message else f"{name}: {error.message}")
                failure = error
    if failure is not None:
        raise typer.Exit(failure.exit_code)


def _paste_one(session: Session, name: str, encoding: str | None, fields: dict[str, Any], *, as_json: bool) -> None:
    text = read_text(name, encoding)
    # An argument that isn't UTF-8 has surrogates.
    body = json.dumps({**fields, "text": text}, ensure_ascii=False).encode(errors="replace")
    with upload(session.output, body) as content:
        created = session.service.create("paste", {}, content=content, size=len(body))
    _tell(session, created, as_json=as_json)


def shorten(
    context: Context,
    urls: Annotated[list[str], typer.Argument(metavar="URL", help="Where to lead; - reads one URL a line.")],
    alias: Alias = None,
    expires: Expires = None,
    views: Views = None,
    title: Title = None,
    visibility: Visibility = None,
    as_json: AsJson = False,
) -> None:
    """Shorten URLs. Prints a link for each."""
    if len(urls) > 1 and alias is not None:
        raise ClientError("--alias is for one URL.", ExitCode.USAGE)
    common = _fields(alias=alias, title=title, visibility=visibility, views=views) | lifetime(expires)
    with open_session(context) as session:
        for url in _urls(urls):
            _tell(session, session.service.create("link", {**common, "original_url": url}), as_json=as_json)


def _urls(given: list[str]) -> Iterator[str]:
    for url in given:
        if url == STANDARD_INPUT:
            yield from (line.strip() for line in sys.stdin if line.strip())
        else:
            yield url


def _fields(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _tell(session: Session, created: dict[str, Any], *, as_json: bool) -> None:
    """Keep the manage token, then print the link. It is printed even where the token can't be kept."""
    not_kept: ClientError | None = None
    try:
        session.manage_tokens.keep(created)
    except ClientError as error:
        not_kept = error
    if as_json:
        session.output.json(created)
    else:
        session.output.line(created["url"])
    if not_kept is not None:
        session.output.warn(f"{not_kept.message}. Keep its manage token yourself: {created['manage_token']}")
    if as_json:
        return
    if session.output.is_told_on_terminal:
        ends = "Never expires" if created["expires_at"] is None else f"Expires {times.until(created['expires_at'])}"
        left = created["views_left"]
        session.output.remark(ends + ("." if left is None else f", or after {left} view{'s' if left > 1 else ''}."))
