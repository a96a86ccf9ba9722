"""The commands that change entries: edit, claim and delete."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer

from slipbin_client import times
from slipbin_client.commands.options import (
    AsJson,
    Context,
    Expires,
    Key,
    ManageToken,
    Syntax,
    Title,
    Visibility,
    Yes,
    lifetime,
)
from slipbin_client.commands.read import confirm_view
from slipbin_client.editor import Draft
from slipbin_client.entry_names import EntryName, read_name
from slipbin_client.errors import ClientError, ExitCode, ServiceError
from slipbin_client.key_completion import complete_key
from slipbin_client.output import Output
from slipbin_client.session import Session, open_session, output_of

_CHANGED_MEANWHILE = "version_mismatch"
_SAME_INSTANT = timedelta(seconds=5)


def edit(
    context: Context,
    key: Key,
    title: Title = None,
    syntax: Syntax = None,
    expires: Expires = None,
    visibility: Visibility = None,
    url: Annotated[str | None, typer.Option("--url", "-u", help="Where a link leads from now on.")] = None,
    manage_token: ManageToken = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Change an entry: its text or target in your editor ($VISUAL or $EDITOR), or what the options say.

    If it was changed meanwhile by someone else, nothing is overwritten, and your text stays in a file.
    """
    name = read_name(key)
    given = {"title": title, "syntax": syntax, "visibility": visibility, "original_url": url}
    # An empty value takes a title or a language away.
    fields: dict[str, Any] = {field: value or None for field, value in given.items() if value is not None}
    fields |= lifetime(expires)
    with open_session(context, name) as session:
        headers = session.manage_headers(name.key, manage_token)
        entry, etag = session.service.get_entry(name.key, headers)
        if fields:
            changed = _change(session, name.key, fields, headers, etag)
        elif entry["kind"] == "paste":
            confirm_view(session.output, entry, is_confirmed=yes)
            changed = _edit_text(session, entry, etag, headers)
        else:
            changed = _edit_target(session, entry, etag, headers)
        if changed is not entry:
            session.manage_tokens.note_change(changed)
        if as_json:
            session.output.json(changed)
        elif changed is entry:
            session.output.remark("Nothing was changed.")
        else:
            session.output.line(changed["url"])


def delete(
    context: Context,
    keys: Annotated[list[str], typer.Argument(metavar="KEY", help="Keys, or links.", autocompletion=complete_key)],
    manage_token: ManageToken = None,
    yes: Yes = False,
) -> None:
    """Delete entries, for ever: their links are never used again. On a terminal you are asked first."""
    names = [read_name(key) for key in keys]
    output = output_of(context)
    if output.can_ask and not yes:
        what = keys[0] if len(keys) == 1 else f"{len(keys)} entries"
        typer.confirm(f"Delete {what} for ever?", abort=True, err=True)

    def delete_one(session: Session, key: str) -> None:
        session.service.delete(key, session.manage_headers(key, manage_token))
        session.manage_tokens.forget(key)
        session.output.remark(f"Deleted {key}.")

    _do_to_each(context, names, delete_one, output)


def claim(
    context: Context,
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY", help="Keys, or links. Default: all that were created here.", autocompletion=complete_key
        ),
    ] = None,
    manage_token: ManageToken = None,
) -> None:
    """Make entries mine that were created without an account. Their manage tokens stop working."""
    output = output_of(context)
    if keys:
        names = [read_name(key) for key in keys]
    else:
        with open_session(context, output=output) as session:
            names = [EntryName(entry["key"]) for entry in session.manage_tokens.list()]
        if not names:
            output.remark("There are none.")

    def claim_one(session: Session, key: str) -> None:
        claimed = session.service.claim(key, session.manage_headers(key, manage_token))
        session.manage_tokens.forget(key)
        session.output.line(claimed["url"])

    _do_to_each(context, names, claim_one, output)


def _do_to_each(
    context: Context, names: Sequence[EntryName], act: Callable[[Session, str], None], output: Output
) -> None:
    """Act on each of the entries, even after a failure.

    Raises:
        typer.Exit: the service refused one, which was told.
    """
    failure: ServiceError | None = None
    for name in names:
        try:
            with open_session(context, name, output=output) as session:
                act(session, name.key)
        except ServiceError as error:
            output.error(f"{name.key}: {error.message}")
            failure = failure or error
    if failure is not None:
        raise typer.Exit(failure.exit_code)


def _edit_text(session: Session, entry: dict[str, Any], etag: str, headers: dict[str, str]) -> dict[str, Any]:
    key = entry["key"]
    with session.service.open_text(key, headers, spends_view=entry["views_left"] is not None) as chunks:
        before = b"".join(chunks)
    draft = Draft(before, _file_name(entry))
    try:
        after = draft.edit()
        if after == before:
            draft.discard()
            return entry
        changed = _change(session, key, {"text": _text(after)}, headers, etag)
    except BaseException:
        if draft.is_still(before):
            draft.discard()
        else:
            session.output.warn(f"Your text is in {draft.path}")
        raise
    draft.discard()
    return changed


def _edit_target(session: Session, entry: dict[str, Any], etag: str, headers: dict[str, str]) -> dict[str, Any]:
    target = entry["original_url"]
    if target is None:
        raise ClientError("Only those who manage this link may change it.", ExitCode.NOT_ALLOWED)
    draft = Draft(f"{target}\n".encode(), "target.url.txt")
    try:
        after = _text(draft.edit()).strip()
    finally:
        draft.discard()
    return entry if after == target else _change(session, entry["key"], {"original_url": after}, headers, etag)


def _change(session: Session, key: str, fields: dict[str, Any], headers: dict[str, str], etag: str) -> dict[str, Any]:
    """Change the version with this ETag. If the answer was lost on the way, see whether the change is ours."""
    try:
        return session.service.change(key, fields, headers, etag=etag)
    except ServiceError as error:
        if error.code != _CHANGED_MEANWHILE:
            raise
        entry, _ = session.service.get_entry(key, headers)
        if error.was_repeated and _has(session, entry, fields, headers):
            return entry
        if error.was_repeated:
            message = "The answer was lost, and there is another version now: see whether your change is in it."
        else:
            message = "Someone changed this meanwhile, so nothing was saved. Compare the two, then edit it again."
        raise ClientError(message, ExitCode.CONFLICT) from error


def _has(session: Session, entry: dict[str, Any], fields: dict[str, Any], headers: dict[str, str]) -> bool:
    """Whether the entry has these values. Nothing is read that would use a view."""
    if "text" not in fields:
        return all(_has_value(entry, name, value) for name, value in fields.items())
    if entry["views_left"] is not None:
        return False
    with session.service.open_text(entry["key"], headers, spends_view=False) as chunks:
        return b"".join(chunks) == str(fields["text"]).encode()


def _has_value(entry: dict[str, Any], name: str, value: Any) -> bool:
    expires_at = times.parse(entry["expires_at"])
    if name == "expires_at":
        return expires_at == times.parse(value)
    if name != "expires_in":
        return _kept(name, entry.get(name)) == _kept(name, value)
    if value == "never":
        return expires_at is None
    lifetime = times.parse_span(str(value))
    changed_at = times.parse(entry["updated_at"])
    if expires_at is None or changed_at is None or lifetime is None:
        return False
    # The service may take both at slightly different instants.
    return abs(expires_at - changed_at - lifetime) < _SAME_INSTANT


def _kept(name: str, value: object) -> object:
    """A value as the service stores it: without spaces at the ends, a target with its scheme, a syntax in lower case.

    `name`: of its field.
    """
    if not isinstance(value, str):
        return value
    value = value.strip()
    if name == "original_url" and "://" not in value:
        return f"https://{value}"
    return value.lower() if name == "syntax" else value


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ClientError(f"This isn't UTF-8: byte 0x{data[error.start]:02x} at {error.start}.") from error


def _file_name(entry: dict[str, Any]) -> str:
    """A name from which editors tell the language: the title if it is one of a file."""
    title = entry["title"] or ""
    is_file_name = "." in title and title.isascii() and title.isprintable() and not set(title) & set("/\\ ")
    return title if is_file_name and not title.startswith(("-", ".")) else f"{entry['key']}.txt"
