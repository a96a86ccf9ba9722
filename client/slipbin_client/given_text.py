"""Text of files and of standard input, as the service takes it: UTF-8, byte for byte."""

import codecs
import sys
from pathlib import Path

from slipbin_client.errors import ClientError

STANDARD_INPUT = "-"
MAX_BYTES = 64 * 1024 * 1024
"""More is not even read: no service takes it, and what never ends would fill the memory."""

_LONGEST_TITLE = 200


def read_text(file: str, encoding: str | None) -> str:
    """The text of a file or, for `-`, of standard input. `encoding`: None for UTF-8, of which a BOM is kept.

    Raises:
        ClientError: it can't be read, is empty, is no text in that encoding, or is longer than MAX_BYTES.
    """
    shown = "standard input" if file == STANDARD_INPUT else file
    try:
        if file == STANDARD_INPUT:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ClientError(f"{shown} can't be read: {error.strerror or error}") from error
    if not data:
        raise ClientError(f"{shown} is empty.")
    if len(data) > MAX_BYTES:
        raise ClientError(f"{shown} is longer than {MAX_BYTES} bytes.")
    return _decoded(data, encoding, shown)


def title_of(file: str) -> str | None:
    """The title of a file's text: its name without characters that titles can't have; None: nothing is left."""
    name = "".join(character if character.isprintable() else " " for character in Path(file).name)
    return " ".join(name.split())[:_LONGEST_TITLE].rstrip() or None


def _advice_on(data: bytes) -> str:
    """What to do about data that isn't UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "Say what it is: --encoding utf-16"
    if b"\0" in data:
        return "It seems to be no text, and only texts can be pasted."
    return "Say what it is: --encoding latin-1"


def _decoded(data: bytes, encoding: str | None, shown: str) -> str:
    try:
        codec = codecs.lookup(encoding or "utf-8")
        if not codec._is_text_encoding:
            raise LookupError
        return data.decode(codec.name)
    except LookupError:
        raise ClientError(f"There is no encoding {encoding}.") from None
    except UnicodeDecodeError as error:
        advice = _advice_on(data) if encoding is None else ""
        raise ClientError(
            f"{shown} isn't {(encoding or 'UTF-8')}: byte 0x{data[error.start]:02x} at {error.start}. {advice}".rstrip()
        ) from None
