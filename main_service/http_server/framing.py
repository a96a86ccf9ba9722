"""What a request is must be beyond doubt, or a proxy before us could see other ones than we do."""

RawHeaders = list[tuple[bytes, bytes]]
"""Names in lower case."""


def is_unambiguous(version: str, headers: RawHeaders, *, is_upgrade: bool) -> bool:
    """Whether the request ends in one place only and names one host: what the parser leaves open, or finds too late.

    It refuses by itself a length beside an encoding, two lengths, folded headers and line ends without CR.
    `is_upgrade`: the client would go on in another protocol; the parser takes no body from it.
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
    return len(url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in headers)
