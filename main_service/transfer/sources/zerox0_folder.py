"""The folder of a 0x0 server's uploads, packed: each file is named by the SHA-256 of its content, or as people did."""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from main_service.transfer.files.archives import read_archive
from main_service.transfer.files.texts import read_text, shown_name, without_system_files
from main_service.transfer.records import Item, Record, Skipped, SourceLimits

_SHA256 = re.compile(r"[0-9a-f]{64}")


def read(path: Path, limits: SourceLimits) -> Iterator[Item]:
    for file in without_system_files(read_archive(path, limits)):
        text = read_text(file)
        if isinstance(text, Skipped):
            yield text
            continue
        name = file.name[-1]
        is_digest = _SHA256.fullmatch(name) is not None
        yield Record(
            place=shown_name(file),
            source_id=sha256(text).hexdigest() if is_digest else f"{name} {sha256(text).hexdigest()}",
            text=text,
            key=None if is_digest else name.partition(".")[0],
            title=name if "." in name else None,
            created_at=file.changed_at,
        )
