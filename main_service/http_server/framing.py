"""Checks that the framing of a request is unambiguous, or a proxy might see other requests than we do (smuggling)."""

RawHeaders = list[tuple[bytes, bytes]]
"""Headers of a request or an answer, with names in lower case."""


def is_unambiguous(version: str, headers: RawHeaders, *, is_upgrade: bool) -> bool:
    """Whether the request has one possible end and names one host, as far as the parser does not check it in time.

    The parser itself refuses a length beside an encoding, two lengths, folded headers and line ends without CR.
    `is_upgrade`: whether the client asks for another protocol; the parser then takes no body.
    """
    if version not in ("1.1", "1.0"):
        return False
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding":
            if value.lower() != b"chunked" or version == "1.0" or is_upgrade:
                return False
        elif is_upgrade and name == b"content-length" and value != b"0":
            return False
    return hosts == 1 or (hosts == 0 and version == "1.0")


def size_bytes(url: bytes, headers: RawHeaders) -> int:
    """About how many bytes the head of a request had."""
    return len(url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in headers)
