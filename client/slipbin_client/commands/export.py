"""The command that downloads all of a user's entries: export."""

import zipfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from slipbin_client import times
from slipbin_client.commands.options import Context
from slipbin_client.commands.progress import received
from slipbin_client.commands.read import write_file
from slipbin_client.errors import ClientError, ExitCode
from slipbin_client.session import open_session

_LAST_MEMBER = "manifest.json"
"""What the service writes last into the zip."""


class ExportFormat(StrEnum):
    ZIP = "zip"
    JSON_LINES = "jsonl"
    CSV = "csv"


def export(
    context: Context,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to this file. Default: print it.")
    ] = None,
    file_format: Annotated[
        ExportFormat | None,
        typer.Option("--format", "-f", help="How it is written. Default: as the name of the file ends, else zip."),
    ] = None,
) -> None:
    """Export all that is mine. The zip holds entries, texts, figures and collections, and import reads it back.

    The other formats list entries, live or ended, without their texts. If the connection breaks, no file is written,
    and one that was there stays as it was.
    """
    file_format = file_format or _format_of(output_file)
    with open_session(context) as session:
        if output_file is None and file_format is ExportFormat.ZIP and session.output.is_terminal:
            raise ClientError("A zip isn't for a terminal. Name a file: slipbin export -o slipbin.zip", ExitCode.USAGE)
        with session.service.open_export(file_format.value) as chunks:
            if output_file is None:
                session.output.write(chunks)
                return
            check = _require_whole if file_format is ExportFormat.ZIP else None
            size = write_file(output_file, received(session.output, chunks), check=check)
        session.output.remark(f"{output_file}: {times.size(size)}")


def _format_of(file: Path | None) -> ExportFormat:
    ending = "" if file is None else file.suffix.lower().removeprefix(".")
    return ExportFormat(ending) if ending in set(ExportFormat) else ExportFormat.ZIP


def _require_whole(path: Path) -> None:
    """Raises:
    ClientError: the zip was cut off, which a proxy on the way may have hidden.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            archive.getinfo(_LAST_MEMBER)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ClientError("The export was cut off on its way, so it wasn't kept.", ExitCode.UNREACHABLE) from error
