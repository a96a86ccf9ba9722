"""The form in which a file is sent to be imported."""

from dataclasses import dataclass, field
from uuid import uuid4

from slipbin_client.import_formats import ImportFormat

_ESCAPED = {ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"}
"""What browsers write in the name of a file instead of these characters."""


@dataclass(frozen=True)
class Form:
    name: str
    """The name of the file."""
    data: bytes
    """The content of the file."""
    file_format: ImportFormat
    is_dry_run: bool
    _boundary: str = field(default_factory=lambda: uuid4().hex)

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self._boundary}"

    def body(self) -> bytes:
        head = "".join(
            f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in (("format", self.file_format.value), ("dry_run", str(self.is_dry_run).lower()))
        )
        # A name that isn't UTF-8 on disk has surrogates.
        name = self.name.translate(_ESCAPED).encode(errors="replace").decode()
        head += f'--{self._boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        head += "Content-Type: application/octet-stream\r\n\r\n"
        return b"".join((head.encode(), self.data, f"\r\n--{self._boundary}--\r\n".encode()))
