"""Archives of strangers: bombs and hostile names are refused, and nothing of them is ever a path of ours."""

import bz2
import io
import lzma
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from main_service.transfer.errors import SourceUnreadableError
from main_service.transfer.records import Record, Skipped, SourceLimits
from main_service.transfer.sources import haste_folder
from tests.support.imports import zip_of

LIMITS = SourceLimits(max_bytes=1_000_000, max_text_bytes=1_000, max_records=100, max_unpacked_bytes=100_000)


ROOMY = replace(LIMITS, max_unpacked_bytes=100_000_000)


def read(folder: Path, content: bytes, limits: SourceLimits = LIMITS) -> Iterator[Record | Skipped]:
    path = folder / "archive"
    path.write_bytes(content)
    return haste_folder.read(path, limits)


def tar_of(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def peak_bytes(read_all: Callable[[], object]) -> int:
    """How much memory reading an archive takes at its peak, also where it is refused."""
    tracemalloc.start()
    try:
        with suppress(SourceUnreadableError):
            read_all()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../out", "..\\out", "C:\\out", "a" * 1_001])
def test_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    for content in (zip_of({name: b"text"}), tar_of((tarfile.TarInfo(name), b"text"))):
        (item,) = read(tmp_path, content)

        assert isinstance(item, Skipped)
        assert item.reason == "This isn't an ordinary file in the archive."


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("secret")
    member.type, member.linkname = kind, "/etc/passwd"

    (item,) = read(tmp_path, tar_of((member, b"")))

    assert isinstance(item, Skipped)


def test_symbolic_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        member = zipfile.ZipInfo("secret")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")

    (item,) = read(tmp_path, target.getvalue())

    assert isinstance(item, Skipped)


def test_bomb_is_given_up_once_it_has_unpacked_too_much(tmp_path: Path) -> None:
    # Each is far larger than a text, and all together than what may be unpacked.
    files = {f"f{number}": bytes(60_000) for number in range(5)}
    tar = tar_of(*((tarfile.TarInfo(name), content) for name, content in files.items()))

    for content in (zip_of(files), tar, tar_of((tarfile.TarInfo("one"), bytes(10_000_000)))):
        assert len(content) < 20_000
        with pytest.raises(SourceUnreadableError, match="too large once"):
            list(read(tmp_path, content))


def test_size_that_a_zip_lies_about_is_not_believed(tmp_path: Path) -> None:
    honest = zip_of({"f": b"x" * 50_000})
    lying = honest.replace((50_000).to_bytes(4, "little"), (5).to_bytes(4, "little"))
    assert lying != honest

    with pytest.raises(SourceUnreadableError):
        list(read(tmp_path, lying))


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    files = {f"f{number}": b"a" for number in range(201)}
    tar = tar_of(*((tarfile.TarInfo(name), content) for name, content in {**files, "g": b"a"}.items()))

    for content in (zip_of(files), tar):
        with pytest.raises(SourceUnreadableError, match="too many files"):
            list(read(tmp_path, content, ROOMY))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_header_that_fills_memory_is_refused_before_it_is_read(tmp_path: Path, kind: bytes) -> None:
    header = tarfile.TarInfo("header")
    header.type = kind
    tar = tar_of((header, bytes(50_000_000)), (tarfile.TarInfo("f"), b"text"))

    assert peak_bytes(lambda: list(read(tmp_path, tar))) < 10_000_000
    with pytest.raises(SourceUnreadableError, match="far too long"):
        list(read(tmp_path, tar))


def test_headers_that_are_for_all_files_do_not_fill_memory(tmp_path: Path) -> None:
    def members() -> Iterator[tuple[tarfile.TarInfo, bytes]]:
        for number in range(100):
            header = tarfile.TarInfo("header")
            header.type = tarfile.XGLTYPE
            record = f"comment{number}={'x' * 100_000}\n"
            yield header, f"{len(record) + 7} {record}".encode()
            yield tarfile.TarInfo(f"f{number}"), b"text"

    tar = tar_of(*members())

    def read_all() -> None:
        assert sum(isinstance(item, Record) for item in read(tmp_path, tar, ROOMY)) == 100

    assert peak_bytes(read_all) < 3_000_000


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (b"3 a" * 10_000 + b"=", "damaged"),
        (b"9 path=a\n9 a=b\n", "damaged"),
        (b"13 path=a/b\n", None),
        (b"4013 path=" + b"a" * 4_002 + b"\n", "far too long"),
        (b"110 path=" + b"1" * 100 + b"\n", "far too long"),
        (b"1" * 10_000, None),
    ],
)
def test_records_of_a_header_are_checked_before_they_are_read(
    tmp_path: Path, records: bytes, message: str | None
) -> None:
    """Python before 3.11.10 keeps overlapping ones many times, and searches numbers for minutes."""
    header = tarfile.TarInfo("header")
    header.type = tarfile.XHDTYPE
    tar = tar_of((header, records), (tarfile.TarInfo("f"), b"text"))

    def read_all() -> None:
        assert [type(item) for item in read(tmp_path, tar, ROOMY)] == [Record]

    assert peak_bytes(read_all) < 3_000_000
    if message is not None:
        with pytest.raises(SourceUnreadableError, match=message):
            read_all()


def test_headers_without_a_file_are_counted_and_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("header")
    header.type = tarfile.XHDTYPE
    tar = tar_of(*[(header, b"x")] * 2_000)

    for limits, message in ((LIMITS, "too large once"), (ROOMY, "damaged")):
        with pytest.raises(SourceUnreadableError, match=message):
            list(read(tmp_path, tar, limits))


def packed_by_xz(content: bytes, dictionary_bytes: int) -> bytes:
    return lzma.compress(content, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": dictionary_bytes}])


def test_archive_by_xz_is_read_unless_its_dictionary_fills_memory(tmp_path: Path) -> None:
    tar = tar_of((tarfile.TarInfo("f"), b"text"), mode="w")
    half = len(tar) // 2
    usual = packed_by_xz(tar[:half], 64 * 1024 * 1024) + bytes(4) + packed_by_xz(tar[half:], 8 * 1024 * 1024)

    for packed in (usual, bz2.compress(tar[:half]) + bz2.compress(tar[half:]), lzma.compress(tar, lzma.FORMAT_ALONE)):
        (item,) = read(tmp_path, packed)
        assert isinstance(item, Record)
    # The dictionary that is wanted stands in a header, which has a checksum.
    with pytest.raises(SourceUnreadableError, match="too much memory"):
        list(read(tmp_path, packed_by_xz(tar, 1024 * 1024 * 1024)))


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress])
def test_bomb_is_unpacked_piece_by_piece(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(tar_of((tarfile.TarInfo("f"), bytes(40_000_000)), mode="w"))
    assert len(bomb) < 100_000

    assert peak_bytes(lambda: list(read(tmp_path, bomb))) < 20_000_000
    with pytest.raises(SourceUnreadableError, match="too large once"):
        list(read(tmp_path, bomb))


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_zip_that_can_only_be_unpacked_in_one_piece_is_refused(tmp_path: Path, method: int) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.writestr("f", bytes(40_000_000))
    bomb = target.getvalue()
    assert len(bomb) < 100_000

    assert peak_bytes(lambda: list(read(tmp_path, bomb))) < 20_000_000
    with pytest.raises(SourceUnreadableError, match="packed in a way that can't be read"):
        list(read(tmp_path, bomb))


def test_sparse_file_whose_map_fills_memory_is_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("f")
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "5"}
    old = tarfile.TarInfo("f")
    old.type = tarfile.GNUTYPE_SPARSE

    for tar in (tar_of((member, b"500000\n" + b"1\n" * 1_000_000)), tar_of((old, b""))):
        with pytest.raises(SourceUnreadableError, match="sparse"):
            list(read(tmp_path, tar))


def test_directory_of_a_zip_is_not_read_once_it_has_too_many_members(tmp_path: Path) -> None:
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, 0, *[0] * 3, 0x21, 0, 0, 0, 1, *[0] * 6) + b"a"
    directory = entry * 50_000
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 50_000, 50_000, len(directory), 0, 0)

    assert peak_bytes(lambda: list(read(tmp_path, directory + end))) < 5_000_000
    with pytest.raises(SourceUnreadableError, match="too many files"):
        list(read(tmp_path, directory + end))


def test_damaged_archive_is_no_bug(tmp_path: Path) -> None:
    whole = tar_of((tarfile.TarInfo("a"), b"text" * 200))
    archive = bytearray(zip_of({"f": b"text " * 100}))
    archive[40:44] = b"\xff\xff\xff\xff"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as by_lzma:
        by_lzma.writestr("f", bytes(range(256)))
    packed = bytearray(target.getvalue())
    packed[60:64] = b"\xff\xff\xff\xff"

    for content in (whole[: len(whole) // 2], bytes(archive), bytes(packed), b"PK\x03\x04", b""):
        with pytest.raises(SourceUnreadableError):
            list(read(tmp_path, content))
