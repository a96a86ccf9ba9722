"""An archive of gists: a folder of each, named by its id as `git clone` and GitHub's zip name it, with its files.

With `gists.json`, the answer of `GET /gists`, their descriptions, dates and visibility are known too.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from main_service.entries.models import Visibility
from main_service.transfer.errors import SourceUnreadableError
from main_service.transfer.files.archives import ArchivedFile, read_archive
from main_service.transfer.files.csv_rows import read_instant
from main_service.transfer.files.texts import read_text, shown_name, without_system_files
from main_service.transfer.records import Item, Record, Skipped, SourceLimits

_LIST = "gists.json"
_MAX_OBJECTS = 200_000
"""The most objects and lists in the list of gists: each takes much more memory than its characters."""
_GIST_FOLDER = re.compile(r"(?:.*[-_])?([0-9a-f]{20,32}|[0-9]{1,8})(?:-[0-9a-f]{40}|\.git)?", re.IGNORECASE)


def read(path: Path, limits: SourceLimits) -> Iterator[Item]:
    told = _list_of(path, limits)
    for file in without_system_files(read_archive(path, limits)):
        if ".git" in file.name or file.name[-1] == _LIST:
            continue
        gist_id = _gist_of(file)
        if gist_id is None:
            yield Skipped(place=shown_name(file), reason="This file isn't in the folder of a gist.", is_fault=False)
            continue
        text = read_text(file)
        if isinstance(text, Skipped):
            yield text
            continue
        gist = told.get(gist_id, {})
        name = file.name[-1]
        yield Record(
            place=shown_name(file),
            source_id=f"{gist_id}/{name}",
            text=text,
            # GitHub's own name for what was given none.
            title=str(gist.get("description") or name) if name.startswith("gistfile") else name,
            visibility=Visibility.PUBLIC if gist.get("public") is True else Visibility.UNLISTED,
            created_at=read_instant(str(gist.get("created_at") or "")) or file.changed_at,
        )


def _gist_of(file: ArchivedFile) -> str | None:
    """The id of the gist whose folder the file is in; None: it is in none."""
    for part in reversed(file.name[:-1]):
        if found := _GIST_FOLDER.fullmatch(part):
            return found.group(1).lower()
    return None


def _list_of(path: Path, limits: SourceLimits) -> dict[str, dict[str, Any]]:
    for file in read_archive(path, limits):
        if file.name[-1:] == (_LIST,) and not file.is_hostile:
            content = file.read()
            if content is None or content.count(b"{") + content.count(b"[") > _MAX_OBJECTS:
                raise SourceUnreadableError(
                    f"{_LIST} in this archive is too large. Split the archive, or leave it out."
                )
            try:
                gists = json.loads(content or b"[]")
            except (ValueError, RecursionError) as error:
                raise SourceUnreadableError(f"{_LIST} in this archive isn't JSON.") from error
            return {str(each.get("id")).lower(): _told(each) for each in gists if isinstance(each, dict)}
    return {}


def _told(gist: dict[str, Any]) -> dict[str, Any]:
    """What is read of it later; the rest need not stay in memory."""
    return {name: gist[name] for name in ("description", "public", "created_at") if name in gist}
