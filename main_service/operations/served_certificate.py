"""When the certificate that is served at an address expires, trusted or not."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_VERSION = 0xA0


async def ends_at(host: str, port: int, *, server_name: str) -> datetime:
    """The end of the certificate that is shown for `server_name`. It is not verified.

    Raises:
        OSError, ValueError: nothing answers there, or not with a certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=server_name)
    try:
        encoded = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    return end_of(encoded)


def end_of(certificate: bytes) -> datetime:
    """The end of a certificate in DER (RFC 5280, 4.1). The ssl module parses only certificates that it has verified.

    Raises:
        ValueError: it is none.
    """
    try:
        [(_, whole)] = _items(certificate)
        (_, signed), *_ = _items(whole)
        fields = [content for tag, content in _items(signed) if tag != _VERSION]
        _serial, _algorithm, _issuer, validity, *_ = fields
        _, (tag, end) = _items(validity)
        form = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}[tag]
        return datetime.strptime(end.decode("ascii"), form).replace(tzinfo=UTC)
    except (IndexError, KeyError) as error:
        raise ValueError("This is no certificate") from error


def _items(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The tags and contents of what stands in a row."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length >= 0x80:
            octets = length - 0x80
            length, at = int.from_bytes(der[at : at + octets]), at + octets
        yield tag, der[at : at + length]
        at += length
