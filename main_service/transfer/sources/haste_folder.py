"""The folder of a haste server's file store, packed: each file is a text, named by the MD5 of its key."""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from main_service.transfer.files.archives import read_archive
from main_service.transfer.files.texts import read_text, shown_name, without_system_files
from main_service.transfer.records import Item, Record, Skipped, SourceLimits

_MD5 = re.compile(r"[0-9a-f]{32}")


def read(path: Path, limits: SourceLimits) -> Iterator[Item]:
    for file in without_system_files(read_archive(path, limits)):
        text = read_text(file)
        if isinstance(text, Skipped):
            yield text
            continue
        name = file.name[-1]
        # Which key a digest is of can't be known: what isn't one was named by people.
        key = None if _MD5.fullmatch(name) else name.partition(".")[0]
        yield Record(
            place=shown_name(file),
            source_id=f"{name} {sha256(text).hexdigest()}",
            text=text,
            key=key,
            title=name if "." in name else None,
            created_at=file.changed_at,
        )
