"""Progress on a terminal: of what is sent, and of what is received."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TransferSpeedColumn

from slipbin_client.output import Output

_SHOWN_FROM_BYTES = 256 * 1024
_CHUNK_BYTES = 64 * 1024


@contextmanager
def upload(output: Output, body: bytes) -> Iterator[bytes | Callable[[], Iterator[bytes]]]:
    """A body as chunks, with a bar on a terminal while they are sent; of a short one, the body itself."""
    if not output.is_told_on_terminal or len(body) < _SHOWN_FROM_BYTES:
        yield body
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=output.messages, transient=True) as bar:
        task = bar.add_task("Sending", total=len(body))

        def chunks() -> Iterator[bytes]:
            bar.reset(task)
            for start in range(0, len(body), _CHUNK_BYTES):
                chunk = body[start : start + _CHUNK_BYTES]
                yield chunk
                bar.advance(task, len(chunk))

        yield chunks


def received(output: Output, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks, and on a terminal how much has come so far."""
    if not output.is_told_on_terminal:
        yield from chunks
        return
    columns = (SpinnerColumn(), TextColumn("Receiving"), DownloadColumn())
    with Progress(*columns, console=output.messages, transient=True) as progress:
        task = progress.add_task("", total=None)
        for chunk in chunks:
            progress.advance(task, len(chunk))
            yield chunk
