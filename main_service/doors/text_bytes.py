"""Turns bytes that a client sends as a text into UTF-8, in pieces, so that other requests are answered meanwhile."""

import asyncio
import codecs
import encodings.aliases
from encodings import normalize_encoding

from main_service.entries.urls import MAX_URL_LENGTH, TOO_LONG
from main_service.errors import FieldError, InvalidInputError

_PIECE_BYTES = 256 * 1024
_MAX_NAME_LENGTH = 40
_MAX_FIELD_BYTES = 8 * 1024
_MAX_URL_BYTES = 12 * MAX_URL_LENGTH + 1024
"""Percent-encoded, a character is at most twelve bytes."""

_ENCODINGS = frozenset(
    [
        "ascii",
        "big5",
        "big5hkscs",
        *(f"cp{number}" for number in (437, 850, 852, 855, 858, 866, 874, 932, 936, 949, 950)),
        *(f"cp{number}" for number in range(1250, 1259)),
        "euc_jp",
        "euc_kr",
        "gb18030",
        "gb2312",
        "gbk",
        "iso2022_jp",
        *(f"iso8859_{number}" for number in (*range(2, 12), *range(13, 17))),
        "koi8_r",
        "koi8_u",
        "latin_1",
        "mac_roman",
        "shift_jis",
        "utf_16",
        "utf_16_be",
        "utf_16_le",
        "utf_32",
        "utf_8",
    ]
)
"""Python's names. Others of its codecs are no encodings of texts, or take very long for hostile input."""


def require_short_url(written: bytes) -> None:
    """Refuse what is far too long for a URL, before it is decoded: decoding takes many times its size in memory.

    Raises:
        InvalidInputError: in no encoding can this be a URL that a link may have.
    """
    if len(written) > _MAX_URL_BYTES:
        raise InvalidInputError(fields=[FieldError("original_url", "value_error", f"{TOO_LONG}.")])


def short_text(written: bytes, *, field: str) -> str:
    """The value of a field other than the text of a paste. Bytes that aren't UTF-8 are replaced.

    Raises:
        InvalidInputError: it is longer than any such field may be.
    """
    if len(written) > _MAX_FIELD_BYTES:
        raise InvalidInputError(fields=[FieldError(field, "string_too_long", "This is too long.")])
    return written.decode(errors="replace")


async def to_utf8(body: bytes, encoding: str | None = None) -> bytes:
    """The text in UTF-8. What is UTF-8 already is not changed by a byte; a byte order mark is kept.

    `encoding`: the name of what the bytes are in; None: UTF-8.

    Raises:
        InvalidInputError: the name is not known, or the bytes are not in this encoding.
    """
    name = "utf_8" if encoding is None else _python_name(encoding)
    decoder = codecs.getincrementaldecoder(name)()
    pieces: list[bytes] = []
    at = 0
    while True:
        piece = body[at : at + _PIECE_BYTES]
        is_last = at + len(piece) >= len(body)
        held_bytes = len(decoder.getstate()[0])
        try:
            text = decoder.decode(piece, is_last)
            if name != "utf_8":
                pieces.append(text.encode())
        except UnicodeDecodeError as error:
            raise _refusal(encoding, at - held_bytes + error.start) from None
        except UnicodeError:
            # A surrogate alone, or UTF-16 that does not say in which order its bytes are.
            raise _refusal(encoding, at) from None
        if is_last:
            return body if name == "utf_8" else b"".join(pieces)
        at += len(piece)
        await asyncio.sleep(0)


def _python_name(encoding: str) -> str:
    if len(encoding) <= _MAX_NAME_LENGTH:
        written = normalize_encoding(encoding.lower())
        name = encodings.aliases.aliases.get(written, written)
        if name in _ENCODINGS:
            return name
    message = "We don't know this encoding. Some we know: utf-8, latin-1, windows-1252, utf-16, shift_jis, gb18030."
    raise InvalidInputError(fields=[FieldError("encoding", "encoding_unknown", message)])


def _refusal(encoding: str | None, offset: int) -> InvalidInputError:
    if encoding is None:
        message = (
            f"This text is not UTF-8: the first byte that does not fit is at offset {offset}. "
            "If it is in another encoding, name it: ?encoding=latin-1."
        )
    else:
        message = f"This text is not in the encoding that was named: see the byte at offset {offset}."
    return InvalidInputError(message, fields=[FieldError("text", "encoding_invalid", message)])
