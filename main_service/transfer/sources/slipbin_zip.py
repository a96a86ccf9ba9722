"""Our own export, the zip that docs/export_format.md describes: of this installation, or of another one."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from main_service.collections.service import MAX_COLLECTIONS
from main_service.entries.models import Kind
from main_service.my_entries.filters import EntryState
from main_service.transfer.errors import SourceUnreadableError
from main_service.transfer.export_lines import CollectionLine, EntryLine, KeyedLine, Manifest
from main_service.transfer.figures import LEFT_OUT, EntryFigures, FiguresBudget, FiguresReader
from main_service.transfer.files.archives import UNKNOWN_COMPRESSION, open_zip
from main_service.transfer.records import EmptyCollection, Item, NamedCollection, Record, Skipped, SourceLimits

_VERSION = 1
_LINES_OF_COLLECTIONS = 5
"""The most lines of collections for each entry that a file may have."""
_LONGEST_LINE = 1024 * 1024
"""The longest line, in bytes. A link has at most 100 targets of 8,192 characters."""
_MAX_EMPTY_LINES = 1_000
"""The most empty lines of a member; ours have none. A few KB of zip could hold those of hours, while others wait."""
_FIGURES = ("imported_figures.jsonl", "figures.jsonl")
"""The members with figures, those that were imported already first."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
"""What `zipfile` raises of a damaged, encrypted or exotic member."""


@dataclass
class _Collections:
    """The collections of a file by their ids there, and those that each entry was in, by its key."""

    by_id: dict[str, NamedCollection] = field(default_factory=dict)
    of_entry: dict[str, list[tuple[NamedCollection, datetime | None]]] = field(default_factory=dict)
    used: set[NamedCollection] = field(default_factory=set)
    """Those that were asked for with an entry."""

    def of(self, key: str) -> tuple[NamedCollection, ...]:
        """The collections that an entry was in, with its place in each."""
        found = self.of_entry.get(key, ())
        self.used.update(collection for collection, _ in found)
        return tuple(replace(collection, added_at=added_at) for collection, added_at in found)

    def unused(self) -> list[NamedCollection]:
        return [collection for collection in self.by_id.values() if collection not in self.used]


@dataclass(frozen=True)
class _Figures:
    """The members of a file that have figures, read along with its entries."""

    readers: list[FiguresReader]
    budget: FiguresBudget

    def of(self, number: int) -> EntryFigures:
        """The figures of the entry in this line."""
        found = EntryFigures(self.budget)
        for reader in self.readers:
            reader.take(number, found)
        return found


def read(path: Path, limits: SourceLimits) -> Iterator[Item]:
    """Each entry of the file, in its order, and then the collections that none of them is in.

    Raises:
        SourceUnreadableError: it is no whole export of ours, or holds more than it may.
    """
    try:
        with open_zip(path, limits) as archive, ExitStack() as members:
            manifest = _manifest(archive, limits)
            collections = _collections(archive, limits)
            figures = _figures(archive, members, limits)
            with archive.open("entries.jsonl") as lines:
                yield from _items(archive, lines, manifest, collections, figures, limits)
            for collection in collections.unused():
                yield EmptyCollection(place=f"collection {collection.name}", collection=collection)
    except KeyError as error:
        raise SourceUnreadableError("This zip isn't a whole export: a part of it is missing.") from error
    except NotImplementedError as error:
        raise SourceUnreadableError(UNKNOWN_COMPRESSION) from error
    except _DAMAGED as error:
        raise SourceUnreadableError("This isn't a zip, or it is damaged. Was its download cut off?") from error


def _manifest(archive: zipfile.ZipFile, limits: SourceLimits) -> Manifest:
    if sum(member.file_size for member in archive.infolist()) > limits.max_unpacked_bytes:
        raise SourceUnreadableError("This zip holds more than can be imported at once.")
    with archive.open("manifest.json") as file:
        try:
            manifest = Manifest.model_validate_json(file.read(limits.max_text_bytes))
        except ValidationError as error:
            raise SourceUnreadableError("This zip isn't an export of this service.") from error
    if manifest.version > _VERSION:
        raise SourceUnreadableError("This export was written by a newer release. Upgrade this installation first.")
    return manifest


def _collections(archive: zipfile.ZipFile, limits: SourceLimits) -> _Collections:
    """The collections of a file. All of them are in memory."""
    collections = _Collections()
    with archive.open("collections.jsonl") as lines:
        for number, line in _numbered(lines):
            if number > _LINES_OF_COLLECTIONS * limits.max_records:
                raise SourceUnreadableError("The collections in this zip are too large to be imported at once.")
            try:
                read = CollectionLine.model_validate_json(line)
            except ValidationError:
                continue
            if read.name is not None and len(collections.by_id) < MAX_COLLECTIONS:
                named = NamedCollection(read.name, read.shared_key, created_at=read.created_at)
                collections.by_id[read.collection] = named
            elif read.key is not None and read.collection in collections.by_id:
                of_key = collections.of_entry.setdefault(read.key, [])
                if len(of_key) < MAX_COLLECTIONS:
                    of_key.append((collections.by_id[read.collection], read.added_at))
    return collections


def _figures(archive: zipfile.ZipFile, members: ExitStack, limits: SourceLimits) -> _Figures:
    """The figures of the file; a file that was written by an earlier release lacks some."""
    names = [name for name in _FIGURES if name in archive.namelist() and archive.getinfo(name).file_size]
    places = _places(archive, limits) if names else {}
    opened = [members.enter_context(archive.open(name)) for name in names]
    readers = [FiguresReader((line for _, line in _numbered(lines)), places) for lines in opened]
    return _Figures(readers, FiguresBudget(limits.max_figures_bytes))


def _places(archive: zipfile.ZipFile, limits: SourceLimits) -> dict[str, int]:
    """The numbers of the lines of entries, by their keys."""
    places: dict[str, int] = {}
    with archive.open("entries.jsonl") as lines:
        for number, line in islice(_numbered(lines), limits.max_records):
            try:
                places.setdefault(KeyedLine.model_validate_json(line).key, number)
            except ValidationError:
                continue
    return places


def _items(
    archive: zipfile.ZipFile,
    lines: IO[bytes],
    manifest: Manifest,
    collections: _Collections,
    figures: _Figures,
    limits: SourceLimits,
) -> Iterator[Item]:
    now = datetime.now(UTC)
    ended_meanwhile = set(manifest.without_text)
    unpacked: set[str] = set()
    for number, line in _numbered(lines):
        place = f"line {number}"
        try:
            entry = EntryLine.model_validate_json(line)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
            name = ".".join(str(part) for part in wrong["loc"])
            yield Skipped(place=place, reason=f"{name}: {wrong['msg']}." if name else "This line isn't JSON.")
            continue
        if entry.state is not EntryState.LIVE or entry.key in ended_meanwhile:
            yield Skipped(place=place, reason="It has ended.", is_fault=False)
        elif entry.expires_at is not None and entry.expires_at <= now:
            yield Skipped(place=place, reason="It has expired since the export.", is_fault=False)
        elif entry.kind is Kind.LINK:
            yield _record(place, entry, manifest, collections, figures.of(number), text=None)
        elif entry.key in unpacked:
            # Not again: a small file could have one large text unpacked for each of its lines.
            yield Skipped(place=place, reason="Its key is in the file twice.")
        else:
            unpacked.add(entry.key)
            yield _paste(archive, place, entry, manifest, collections, figures.of(number), limits)


def _paste(
    archive: zipfile.ZipFile,
    place: str,
    entry: EntryLine,
    manifest: Manifest,
    collections: _Collections,
    counted: EntryFigures,
    limits: SourceLimits,
) -> Item:
    try:
        with archive.open(f"texts/{entry.key}") as file:
            # What a member says of its size may be wrong.
            text = file.read(limits.max_text_bytes + 1)
    except KeyError:
        return Skipped(place=place, reason="Its text is missing.")
    except _DAMAGED:
        return Skipped(place=place, reason="Its text is damaged.")
    if len(text) > limits.max_text_bytes:
        return Skipped(place=place, reason=f"Its text has more than {limits.max_text_bytes:,} bytes.")
    if not text:
        return Skipped(place=place, reason="Its text is empty.")
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return Skipped(place=place, reason=f"Its text isn't in UTF-8: byte {error.start} is invalid.")
    return _record(place, entry, manifest, collections, counted, text=text)


def _record(
    place: str,
    entry: EntryLine,
    manifest: Manifest,
    collections: _Collections,
    counted: EntryFigures,
    *,
    text: bytes | None,
) -> Record:
    values: dict[str, object] = {
        "updated_at": entry.updated_at,
        "views_left": entry.views_left,
        "has_public_statistics": entry.has_public_statistics,
    }
    if text is None:
        values["passes_query"] = entry.passes_query
    elif entry.syntax is None:
        values["detected_syntax"] = entry.detected_syntax
    months = counted.months()
    return Record(
        place=place,
        # Its URL: the same in our CSV, and of no other installation.
        source_id=f"{manifest.site}/{entry.key}",
        original_url=entry.original_url if text is None else None,
        text=text,
        key=entry.key,
        title=entry.title,
        syntax=entry.syntax if text is not None else None,
        visibility=entry.visibility,
        created_at=entry.created_at,
        expires_at=entry.expires_at,
        # Figures without counts, as another program may write them, would be shown nowhere.
        visits=max(entry.visit_count + entry.imported_visit_count, sum(each.people for each in months)),
        bot_visits=max(entry.bot_count + entry.imported_bot_count, sum(each.bots for each in months)),
        figures=months,
        targets=tuple((each.valid_from, each.original_url) for each in entry.targets) if text is None else (),
        collections=collections.of(entry.key),
        values=values,
        note=LEFT_OUT if counted.is_cut else None,
    )


def _numbered(lines: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each line that is not empty, with its number. Of one that is too long, only the beginning.

    Raises:
        SourceUnreadableError: there are too many empty ones.
    """
    empty = 0
    for number in count(1):
        line = lines.readline(_LONGEST_LINE)
        if not line:
            return
        while not line.endswith(b"\n") and (rest := lines.readline(_LONGEST_LINE)):
            if rest.endswith(b"\n"):
                break
        if line.strip():
            yield number, line
            continue
        empty += 1
        if empty > _MAX_EMPTY_LINES:
            raise SourceUnreadableError("This zip has far too many empty lines.")
