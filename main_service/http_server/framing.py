"""Where a request ends must be beyond doubt, or a proxy before us could see another number of requests than we do."""

Headers = list[tuple[bytes, bytes]]
"""Names in lower case."""


def is_ending_clear(version: str, headers: Headers, *, is_upgrade: bool) -> bool:
    """What the parser leaves open, or finds only when the app is already at work.

    It refuses by itself a length beside an encoding, two lengths, folded headers and line ends without CR.
    `is_upgrade`: the client would go on in another protocol; the parser takes no body from it.
    """
    if version not in ("1.1", "1.0"):
        return False
    for name, value in headers:
        if name == b"transfer-encoding":
            if value.lower() != b"chunked" or version == "1.0" or is_upgrade:
                return False
        elif is_upgrade and name == b"content-length" and value != b"0":
            return False
    return True


def size_bytes(url: bytes, headers: Headers) -> int:
    return len(url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in headers)
