"""The formats that can be imported, and the one that a file is in, where the file leaves no doubt."""

import io
import json
import re
import tarfile
import zipfile
import zlib
from enum import StrEnum

from slipbin_client.errors import ClientError


class ImportFormat(StrEnum):
    """The formats of files that can be imported, by their names in the API."""

    SLIPBIN_ZIP = "slipbin-zip"
    SLIPBIN_CSV = "slipbin-csv"
    BITLY_CSV = "bitly-csv"
    SHLINK_CSV = "shlink-csv"
    KUTT_CSV = "kutt-csv"
    YOURLS_CSV = "yourls-csv"
    YOURLS_SQL = "yourls-sql"
    HASTE_FOLDER = "haste-folder"
    ZEROX0_FOLDER = "0x0-folder"
    GITHUB_GISTS = "github-gists"


_HEADS = (
    (ImportFormat.SLIPBIN_CSV, {"key", "kind", "originalurl"}),
    (ImportFormat.SHLINK_CSV, {"shortcode", "longurl"}),
    (ImportFormat.KUTT_CSV, {"address", "target"}),
    (ImportFormat.YOURLS_CSV, {"keyword", "url", "clicks"}),
    (ImportFormat.BITLY_CSV, {"destinationurl", "link"}),
    (ImportFormat.BITLY_CSV, {"bitlink"}),
)
"""Columns that the CSV of one service has and no other."""
_BITLY_LINK = re.compile(r"(?:^|[\"/,;\t])bit\.ly/")
"""The hosts of Bitly's own links. The names of columns don't tell: other services use the same."""
_FIRST_LINE_BYTES = 16 * 1024
_YOURLS_TABLE = re.compile(
    rb"""(?:CREATE\ TABLE|INSERT\ INTO)\ (?:IF\ NOT\ EXISTS\ )?[`"]?
         (?:yourls_url\b | \w*url[`"]?\s*\(\s*[`"]?keyword\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_GIST = re.compile(r"[0-9a-f]{20,32}-[0-9a-f]{40}")
_NAMES = (
    (ImportFormat.HASTE_FOLDER, re.compile(r"[0-9a-f]{32}")),
    (ImportFormat.ZEROX0_FOLDER, re.compile(r"[0-9a-f]{64}")),
)
_OF_SYSTEMS = frozenset([".DS_Store", "Thumbs.db", "desktop.ini"])
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError, RuntimeError)


def guess_format(data: bytes) -> ImportFormat | None:
    """The format of a file; None: it may be one of several, or is none.

    Raises:
        ClientError: it is a zip that isn't whole.
    """
    if data.startswith(b"PK\x03\x04"):
        return _of_zip(data)
    try:
        # As a stream: else damaged xz raises an error that Pythons without xz don't have.
        with tarfile.open(fileobj=io.BytesIO(data), mode="r|*") as archive:
            return _of_names([member.name for member in archive if member.isfile()])
    except _BROKEN:
        pass
    return _of_columns(data) or (ImportFormat.YOURLS_SQL if _YOURLS_TABLE.search(data) else None)


def _of_zip(data: bytes) -> ImportFormat | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [member.filename for member in archive.infolist() if not member.is_dir()]
            if "entries.jsonl" in names and "manifest.json" in names:
                manifest = json.loads(archive.read("manifest.json"))
                if isinstance(manifest, dict) and manifest.get("format") == "slipbin-export":
                    return ImportFormat.SLIPBIN_ZIP
    except _BROKEN:
        raise ClientError("This zip is damaged, or it was cut off on its way.") from None
    return _of_names(names)


def _of_names(names: list[str]) -> ImportFormat | None:
    """The format of an archive of files with these names."""
    paths = [name.replace("\\", "/").removeprefix("./").split("/") for name in names]
    paths = [path for path in paths if path[0] != "__MACOSX" and path[-1] not in _OF_SYSTEMS]
    if any(path[-1] == "gists.json" for path in paths):
        return ImportFormat.GITHUB_GISTS
    if paths and all(any(_GIST.fullmatch(part) for part in path[:-1]) for path in paths):
        return ImportFormat.GITHUB_GISTS
    for file_format, name in _NAMES:
        if paths and all(name.fullmatch(path[-1]) for path in paths):
            return file_format
    return None


def _of_columns(data: bytes) -> ImportFormat | None:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    first, _, second = data[:_FIRST_LINE_BYTES].decode(encoding, errors="replace").partition("\n")
    columns = {re.sub(r"[\s_-]+", "", cell.strip(' "\r').lower()) for cell in re.split(r"[,;\t]", first)}
    found = {file_format for file_format, needed in _HEADS if needed <= columns}
    if not found and columns >= {"link", "longurl"} and _BITLY_LINK.search(second.partition("\n")[0]):
        return ImportFormat.BITLY_CSV
    return found.pop() if len(found) == 1 else None
