"""The commands that list entries: list and search."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.text import Text

from slipbin_client import times
from slipbin_client.commands.options import AsJson, Context
from slipbin_client.errors import ClientError, ExitCode
from slipbin_client.output import Output
from slipbin_client.safe_text import safe_line
from slipbin_client.session import Session, open_session

DEFAULT_COUNT = 50
_PLAIN = ("key", "kind", "state", "created_at", "expires_at", "visit_count", "url")
_BEFORE = "imported_visit_count"


class State(StrEnum):
    LIVE = "live"
    EXPIRED = "expired"
    ENDED = "ended"
    ALL = "all"


class Kind(StrEnum):
    PASTE = "paste"
    LINK = "link"


class Sort(StrEnum):
    """The orders of a list, by their names in the API; with a minus, in reverse."""

    CREATED = "created"
    CREATED_LAST = "-created"
    UPDATED = "updated"
    UPDATED_LAST = "-updated"
    EXPIRES = "expires"
    EXPIRES_LAST = "-expires"
    TITLE = "title"
    TITLE_LAST = "-title"


StateOption = Annotated[State, typer.Option("--state", help="Which entries; ended: all that aren't live.")]
KindOption = Annotated[Kind | None, typer.Option("--kind", "-k", help="Only pastes, or only links.")]
VisibilityOption = Annotated[
    str | None, typer.Option("--visibility", "-v", metavar="WHO", help="Only public, unlisted or private ones.")
]
CollectionOption = Annotated[
    str | None, typer.Option("--collection", "-c", metavar="NAME", help="Only those in this collection of mine.")
]
SortOption = Annotated[Sort, typer.Option("--sort", help="The order; a minus reverses it.")]
Count = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]
All = Annotated[bool, typer.Option("--all", help="However many there are.")]


def list_entries(
    context: Context,
    state: StateOption = State.LIVE,
    kind: KindOption = None,
    visibility: VisibilityOption = None,
    collection: CollectionOption = None,
    sort: SortOption = Sort.CREATED_LAST,
    limit: Count = DEFAULT_COUNT,
    everything: All = False,
    as_json: AsJson = False,
) -> None:
    """List my entries, newest first. Without an account, those that were created here.

    In a pipe, a line is: key, kind, state, created, expires, visits, link, title or target, visits before it was
    imported, between tabs. With --json, a line is an entry.
    """
    filters = _filters(state=state, kind=kind, visibility=visibility, collection=collection)
    with open_session(context) as session:
        if session.is_signed_in:
            filters["sort"] = sort.value
            if not _list(session, filters, count=None if everything else limit, as_json=as_json):
                session.output.remark("There are none.")
        else:
            _refuse_filters(filters, state, sort)
            entries = session.manage_tokens.list()
            _print(session.output, entries if everything else entries[:limit], as_json=as_json)
            session.output.remark("Created here without an account. To see those of your account: slipbin login")


def search(
    context: Context,
    text: Annotated[str, typer.Argument(help="Part of the title or the URL, whatever its case.")],
    state: StateOption = State.LIVE,
    kind: KindOption = None,
    visibility: VisibilityOption = None,
    collection: CollectionOption = None,
    sort: SortOption = Sort.CREATED_LAST,
    limit: Count = DEFAULT_COUNT,
    everything: All = False,
    as_json: AsJson = False,
) -> None:
    """Search my entries. Prints what list does; exits with 3 if there is none."""
    filters = _filters(state=state, kind=kind, visibility=visibility, collection=collection)
    with open_session(context) as session:
        if session.is_signed_in:
            filters |= {"q": text, "sort": sort.value}
            found = _list(session, filters, count=None if everything else limit, as_json=as_json)
        else:
            _refuse_filters(filters, state, sort)
            entries = [entry for entry in session.manage_tokens.list() if _matches(entry, text)]
            _print(session.output, entries if everything else entries[:limit], as_json=as_json)
            found = bool(entries)
    if not found:
        raise ClientError("Nothing was found.", ExitCode.NOT_FOUND)


def _filters(**values: StrEnum | str | None) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None and value is not State.ALL}


def _refuse_filters(filters: dict[str, str], state: State, sort: Sort) -> None:
    """Refuse what can't be known of entries that were created without an account.

    Raises:
        ClientError: there is a filter, or another order than the usual one.
    """
    if filters.keys() - {"state"} or state is not State.LIVE or sort is not Sort.CREATED_LAST:
        raise ClientError("This needs an account: slipbin login", ExitCode.NOT_ALLOWED)


def _list(session: Session, filters: dict[str, str], *, count: int | None, as_json: bool) -> bool:
    """Print the account's entries: page by page in a pipe, as one table on a terminal. False: there was none.

    `count`: how many at most; None: all.
    """
    entries: list[dict[str, Any]] = []
    is_table = session.output.is_terminal and not as_json
    number, is_cut = 0, False
    for entry, has_more in session.service.list_entries(filters, count=count):
        number, is_cut = number + 1, has_more
        if is_table:
            entries.append(entry)
        else:
            _print(session.output, [entry], as_json=as_json)
    if is_table:
        _print(session.output, entries, as_json=False)
    if is_cut:
        session.output.remark(f"There are more than these {number}: --all lists them.")
    return number > 0


def _matches(entry: dict[str, Any], text: str) -> bool:
    return any(text.casefold() in str(entry.get(name) or "").casefold() for name in ("title", "original_url", "key"))


def _print(output: Output, entries: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        for entry in entries:
            output.json({name: value for name, value in entry.items() if name != "manage_token"})
    elif output.is_terminal and entries:
        for line in _table(output, entries):
            output.show(line)
    else:
        for entry in entries:
            output.line(*_cells(entry))


def _cells(entry: dict[str, Any]) -> list[str]:
    """The cells of an entry's line in a pipe. What the client doesn't know is empty."""
    values = [*(entry.get(name) for name in _PLAIN), _name(entry), entry.get(_BEFORE)]
    return ["" if value is None else str(value) for value in values]


def _name(entry: dict[str, Any]) -> str:
    return str(entry["title"] or entry.get("original_url") or "")


def _table(output: Output, entries: list[dict[str, Any]]) -> Iterator[Text]:
    """The lines of a table as wide as the terminal: what is too long at their ends is cut."""
    has_visits = any("visit_count" in entry for entry in entries)
    has_before = any(entry.get(_BEFORE) for entry in entries)
    headings = [*(["VISITS"] if has_visits else []), *(["BEFORE IMPORT"] if has_before else [])]
    rows = [["KEY", "KIND", "AGE", "EXPIRES", *headings, "TITLE OR TARGET"]]
    for entry in entries:
        state = entry.get("state", "live")
        ends = times.until(entry["expires_at"]) if state == "live" else state
        visits = [str(entry["visit_count"])] if has_visits else []
        if has_before:
            visits.append(str(entry.get(_BEFORE) or ""))
        rows.append([entry["key"], entry["kind"], times.ago(entry["created_at"]), ends, *visits, _name(entry)])
    widths = [max(cell_len(safe_line(row[column])) for row in rows) for column in range(len(rows[0]) - 1)]
    for number, row in enumerate(rows):
        line = Text(style="dim" if number == 0 else "", no_wrap=True)
        for cell, width in zip(row, widths, strict=False):
            shown = safe_line(cell)
            line.append(shown + " " * (width - cell_len(shown) + 2), style="bold" if cell is row[0] and number else "")
        line.append(safe_line(row[-1]))
        line.truncate(output.width, overflow="ellipsis")
        yield line
