"""The command that creates entries from the export of another service, or of Slipbin: import."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.status import Status
from rich.text import Text

from slipbin_client.commands.options import Context
from slipbin_client.commands.progress import upload
from slipbin_client.errors import ClientError, ExitCode
from slipbin_client.import_files import read_import_file
from slipbin_client.import_form import Form
from slipbin_client.import_formats import ImportFormat, guess_format
from slipbin_client.safe_text import safe_line
from slipbin_client.session import Session, open_session

PAGE = "/settings/import"
_SHOWN_ON_TERMINAL = 100
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 2.0
_UNFINISHED = ("waiting", "running")
_FAILED = "failed"
_GOES_ON = "The import goes on without you. See it again: slipbin import --follow. End it: slipbin import --stop"
_UNAVAILABLE = (ExitCode.UNREACHABLE, ExitCode.SERVICE_FAILED, ExitCode.TOO_OFTEN)
"""Failures after which the import still runs, though the service can't be asked how it does."""


def import_file(
    context: Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="What was exported, or its folder; -: standard input.")
    ] = None,
    file_format: Annotated[
        ImportFormat | None,
        typer.Option("--format", "-f", metavar="NAME", help="What it is. Default: what the file shows that it is."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Say what would become of each item, and import nothing.")
    ] = False,
    follow: Annotated[
        bool | None,
        typer.Option(
            "--follow/--no-follow",
            help="Wait until it is done, the default; without FILE, for the import that was ordered last.",
        ),
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the import that was ordered last.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Print each item, not only those to look at.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, as the API answers it: the import, or with --all its items.")
    ] = False,
) -> None:
    """Import what another service or another Slipbin exported, and wait until it is done.

    Prints the items that failed, or of which there is something to say; of a dry run, all. In a pipe, a line is: what
    became of it, where it stands in the file, key, link, reason, between tabs. Exits with 1 if an item failed. What was
    imported before, or is yours here anyway, isn't imported again.

    Formats are slipbin-zip, slipbin-csv, bitly-csv, shlink-csv, kutt-csv, yourls-csv, yourls-sql (a dump),
    haste-folder, 0x0-folder and github-gists.

    Ctrl-C leaves the import to the service. To see it again: slipbin import --follow
    """
    if stop or (file is None and follow):
        if file is not None or (stop and follow is not None):
            raise ClientError("--stop stands alone.", ExitCode.USAGE)
        with open_session(context) as session:
            job = _newest(session, must_be_unfinished=stop)
            if stop:
                job = session.service.stop_import(job["id"])
                _tell_stopped(session, job, as_json=as_json)
            else:
                _finish(session, job, everything=everything, as_json=as_json)
        return
    if file is None:
        raise ClientError("Name the file to import. Or wait for the import before: --follow", ExitCode.USAGE)
    name, data = read_import_file(str(file))
    file_format = file_format or _guessed(name, data)
    with open_session(context) as session:
        form = Form(name, data, file_format, dry_run)
        body = form.body()
        with upload(session.output, body) as content:
            job = session.service.order_import(form, content, size=len(body))
        if follow is False:
            _leave(session, job, as_json=as_json)
        else:
            _finish(session, job, everything=everything, as_json=as_json)


def _newest(session: Session, *, must_be_unfinished: bool) -> dict[str, Any]:
    """The unfinished import that was ordered last; if all are over, the last of these, unless `must_be_unfinished`.

    Raises:
        ClientError: there is none.
    """
    jobs = session.service.list_imports()
    unfinished = [job for job in jobs if job["state"] in _UNFINISHED]
    found = unfinished if unfinished or must_be_unfinished else jobs
    if not found:
        message = "None of your imports is waiting or running." if jobs else "You have imported nothing yet."
        raise ClientError(message, ExitCode.NOT_FOUND)
    return found[0]


def _tell_stopped(session: Session, job: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        session.output.json(job)
    session.output.remark(f"{_summary(job)} What it has created stays.")


def _leave(session: Session, job: dict[str, Any], *, as_json: bool) -> None:
    """Tell of an import that isn't waited for."""
    if as_json:
        session.output.json(job)
    else:
        session.output.line(f"{session.site}{PAGE}/{job['id']}")
    session.output.remark(_GOES_ON)


def _finish(session: Session, job: dict[str, Any], *, everything: bool, as_json: bool) -> None:
    """Wait until an import is over, and tell what became of it.

    Raises:
        ClientError: not all of the file was imported.
    """
    job = _follow(session, job)
    if as_json and not everything:
        session.output.json(job)
    else:
        _print_items(session, job, everything=everything, as_json=as_json)
    session.output.remark(_summary(job))
    _require_success(job)


def _guessed(name: str, data: bytes) -> ImportFormat:
    file_format = guess_format(data)
    if file_format is None:
        choices = ", ".join(ImportFormat)
        raise ClientError(f"{name} doesn't show what it is. Say it: --format with one of {choices}.", ExitCode.USAGE)
    return file_format


def _follow(session: Session, job: dict[str, Any]) -> dict[str, Any]:
    """Wait until an import is over, and return its last state.

    Raises:
        typer.Exit: the user pressed Ctrl-C; the import goes on.
        ClientError: the service can't be asked.
    """
    try:
        return _wait(session, job)
    except KeyboardInterrupt:
        session.output.remark(_GOES_ON)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except ClientError as error:
        if error.exit_code in _UNAVAILABLE:
            session.output.remark(_GOES_ON)
        raise


def _wait(session: Session, job: dict[str, Any]) -> dict[str, Any]:
    output, pause = session.output, _FIRST_PAUSE_SECONDS
    told = f"{job['file_name']} as {job['format']}"
    if not output.is_told_on_terminal:
        output.remark(f"Importing {told}.")
        status = None
    else:
        status = output.messages.status("")
        status.start()
    try:
        while job["state"] in _UNFINISHED:
            if status is not None:
                _show(status, told, job)
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
            job = session.service.get_import(job["id"])
    finally:
        if status is not None:
            status.stop()
    return job


def _show(status: Status, told: str, job: dict[str, Any]) -> None:
    is_waiting = job["state"] == "waiting"
    sentence = f"Waiting for its turn: {told}" if is_waiting else f"Importing {told}: {_counts(job) or 'reading'}"
    # A plain string would be read as markup.
    status.update(Text(safe_line(sentence)))


def _print_items(session: Session, job: dict[str, Any], *, everything: bool, as_json: bool) -> None:
    output = session.output
    for shown, item in enumerate(_items(session, job, everything=everything or job["dry_run"])):
        if as_json:
            output.json(item)
        elif output.is_terminal and not everything and shown == _SHOWN_ON_TERMINAL:
            output.remark(f"There are more than these {shown}: --all, or {session.site}{PAGE}/{job['id']}")
            return
        else:
            values = (item["verdict"], item["place"], item["key"], item["url"], item["message"])
            cells = ["" if value is None else str(value) for value in values]
            output.line(*(["  ".join(filter(None, cells))] if output.is_terminal else cells))


def _items(session: Session, job: dict[str, Any], *, everything: bool) -> Iterator[dict[str, Any]]:
    for item in session.service.import_lines(job["id"]) if job["position"] else ():
        if everything or item["verdict"] == _FAILED or item["message"] is not None:
            yield item


def _counts(job: dict[str, Any]) -> str:
    created = "would be created" if job["dry_run"] else "created"
    named = ((created, "created"), ("already here", "known"), ("skipped", "skipped"), ("failed", _FAILED))
    return ", ".join(f"{job[field]:,} {words}" for words, field in named if job[field])


def _summary(job: dict[str, Any]) -> str:
    ended = {"stopped": "Stopped", "failed": "Ended early"}.get(job["state"], "Done")
    return f"{ended}: {_counts(job) or 'nothing was imported'}."


def _require_success(job: dict[str, Any]) -> None:
    """Raises:
    ClientError: not all of the file was imported.
    """
    if job["state"] == "stopped":
        raise ClientError("The import was stopped.")
    if job["failure"] is not None:
        raise ClientError(job["failure"])
    if job[_FAILED]:
        raise ClientError(f"{job[_FAILED]:,} of {job['position']:,} items can't be imported.")
