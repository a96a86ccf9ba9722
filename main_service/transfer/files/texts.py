"""Texts in archives that hold one text in each file."""

from collections.abc import Iterator

from main_service.transfer.files.archives import ArchivedFile
from main_service.transfer.records import Skipped, printable


def read_text(file: ArchivedFile) -> bytes | Skipped:
    """The text of a file, or why it can't be imported."""
    if file.is_hostile:
        return Skipped(place=shown_name(file), reason="This isn't an ordinary file in the archive.")
    content = file.read()
    if content is None:
        return Skipped(place=shown_name(file), reason="This text is too large.")
    if not content:
        return Skipped(place=shown_name(file), reason="This file is empty.", is_fault=False)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return Skipped(place=shown_name(file), reason=f"This isn't UTF-8 text: byte {error.start} is invalid.")
    return content


def shown_name(file: ArchivedFile) -> str:
    """The name of a file as it is shown to people."""
    return printable(file.path) or "(no name)"


def without_system_files(files: Iterator[ArchivedFile]) -> Iterator[ArchivedFile]:
    """The files, except for those that macOS and Windows add to folders."""
    return (file for file in files if file.name and file.name[0] != "__MACOSX" and file.name[-1] not in _SYSTEM_FILES)


_SYSTEM_FILES = frozenset([".DS_Store", "Thumbs.db", "desktop.ini"])
