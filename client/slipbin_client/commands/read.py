"""The commands that read an entry: get and qr."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.syntax import Syntax
from rich.text import Text

from slipbin_client import qr_code, times
from slipbin_client.commands.options import AsJson, Context, Key, Yes
from slipbin_client.entry_names import read_name
from slipbin_client.errors import ClientError, ExitCode
from slipbin_client.output import Output
from slipbin_client.safe_text import safe_text
from slipbin_client.session import Session, open_session

_COLOURED_UP_TO_BYTES = 256 * 1024


def get(
    context: Context,
    key: Key,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to this file instead.")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="On a terminal, too: byte for byte, without colours. The default in a pipe.")
    ] = False,
    info: Annotated[bool, typer.Option("--info", "-i", help="Tell about the entry instead; this is no view.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Print the text of a paste, or where a link leads.

    On a terminal, code has colours, and control characters are shown instead of obeyed. In a pipe, each byte is as it
    was pasted. Where views are limited, this uses one; on a terminal you are asked first.
    """
    name = read_name(key)
    with open_session(context, name) as session:
        headers = session.manage_headers(name.key)
        entry, _ = session.service.get_entry(name.key, headers)
        if as_json or info:
            _tell_about(session.output, entry, as_json=as_json)
        elif entry["kind"] == "link":
            _tell_target(session, entry)
        else:
            confirm_view(session.output, entry, is_confirmed=yes)
            is_limited = entry["views_left"] is not None
            with session.service.open_text(name.key, headers, spends_view=is_limited) as chunks:
                if output_file is not None:
                    write_file(output_file, chunks)
                elif raw or not session.output.is_terminal:
                    session.output.write(chunks)
                else:
                    _show(session.output, b"".join(chunks), entry["syntax"] or entry["detected_syntax"])


def qr(
    context: Context,
    key: Key,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write an image instead: .svg or .png.")
    ] = None,
    size: Annotated[int, typer.Option("--size", min=128, max=2048, help="Width and height of a PNG, in px.")] = 512,
) -> None:
    """Draw the QR code of an entry's link in the terminal."""
    name = read_name(key)
    is_png = output_file is not None and output_file.suffix.lower() == ".png"
    if output_file is not None and not is_png and output_file.suffix.lower() != ".svg":
        raise ClientError("QR codes are written as .svg or .png.", ExitCode.USAGE)
    with open_session(context, name) as session:
        picture = session.service.qr_code(name.key, size=size if is_png else None)
        if output_file is not None:
            write_file(output_file, iter([picture]))
            return
        modules = qr_code.read_svg(picture)
        output = session.output
        if output.is_terminal and output.has_blocks:
            if len(modules[0]) > output.width:
                raise ClientError(
                    f"The terminal is too narrow: it takes {len(modules[0])} columns. Or write a file: -o code.png"
                )
            for row in qr_code.half_blocks(modules):
                output.show(Text(row, style="black on white"))
        else:
            for row in qr_code.half_blocks(modules) if output.has_blocks else qr_code.ascii_lines(modules):
                output.line(row)


def confirm_view(output: Output, entry: dict[str, Any], *, is_confirmed: bool) -> None:
    """Ask on a terminal before a view of a paste with limited views is used.

    Raises:
        typer.Abort: the user rather wouldn't.
    """
    left = entry["views_left"]
    if left is None or is_confirmed or not (output.can_ask and output.is_terminal):
        return
    question = "This can be read once, then it is deleted." if left == 1 else f"This can be read {left} more times."
    typer.confirm(f"{question} Read it now?", abort=True, err=True)


def write_file(path: Path, chunks: Iterator[bytes], *, check: Callable[[Path], None] | None = None) -> int:
    """Write a file, all of it or none; one that is there is replaced. Return its size in bytes.

    `check`: called with the file under another name; what it raises leaves nothing behind.

    Raises:
        ClientError: it can't be written.
    """
    try:
        if path.exists() and not path.is_file():
            # Such as /dev/stdout, or a named pipe.
            with path.open("wb") as file:
                return sum(file.write(chunk) for chunk in chunks)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ClientError(f"{path} can't be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            size = sum(file.write(chunk) for chunk in chunks)
        if check is not None:
            check(Path(name))
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise ClientError(f"{path} can't be written: {error.strerror}") from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return size


def _tell_target(session: Session, entry: dict[str, Any]) -> None:
    if entry["original_url"] is None:
        raise ClientError("Where this link leads is shown to its first visitors only: open it.", ExitCode.NOT_ALLOWED)
    session.output.line(entry["original_url"])


def _tell_about(output: Output, entry: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.json(entry)
        return
    rows = {
        "link": entry["url"],
        "kind": entry["kind"],
        "title": entry["title"],
        "leads to": entry.get("original_url"),
        "language": entry.get("syntax") or entry.get("detected_syntax"),
        "size": times.size(entry["size_bytes"]) if "size_bytes" in entry else None,
        "visibility": entry["visibility"],
        "created": entry["created_at"],
        "expires": entry["expires_at"] or "never",
        "views left": entry["views_left"],
        "visits": entry["visit_count"],
        # Where there are none, nothing was imported, or it is as good as that.
        "before": entry.get("imported_visit_count") or None,
    }
    for label, value in rows.items():
        if value is not None:
            shown = f"{value} visits before it was imported" if label == "before" and output.is_terminal else value
            output.line(*([f"{label:<10}  {shown}"] if output.is_terminal else [label, str(shown)]))


def _show(output: Output, data: bytes, syntax: str | None) -> None:
    text = safe_text(data.decode(errors="replace"))
    end = "" if text.endswith("\n") else "\n"
    if syntax and len(data) <= _COLOURED_UP_TO_BYTES:
        coloured = Syntax("", syntax, theme="ansi_dark", background_color="default").highlight(text)
        # Pygments ends every text with one line end.
        if (surplus := len(coloured.plain) - len(text)) > 0:
            coloured.right_crop(surplus)
        output.show(coloured, end=end, soft_wrap=True)
    else:
        output.show(Text(text), end=end, soft_wrap=True)
