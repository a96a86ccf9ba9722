"""The files of the operator's certificate, as they lie in their folder."""

from hashlib import sha256
from pathlib import Path

CHAIN, KEY = "fullchain.pem", "privkey.pem"
"""The two files of a certificate, named as certbot names them."""


def digest(folder: Path | None) -> str:
    """A digest of both files, whatever is in them; that of missing or closed ones is always the same."""
    content = sha256()
    for name in (CHAIN, KEY):
        try:
            text = b"" if folder is None else (folder / name).read_bytes()
        except OSError:
            text = b""
        content.update(len(text).to_bytes(8, "big") + text)
    return content.hexdigest()
