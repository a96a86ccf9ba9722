"""Our own export, read back: nothing is lost of it, and what is wrong with it is said."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from main_service.entries.models import Visibility
from main_service.transfer.errors import SourceUnreadableError
from main_service.transfer.formats import ImportFormat, source_of
from main_service.transfer.records import EmptyCollection, Item, NamedCollection, Record, Skipped, SourceLimits
from tests.support.accounts import new_user
from tests.support.collections import create_collection, entries_path
from tests.support.entries import delete_entry, list_entries, owned_link, owned_paste
from tests.support.imports import zip_of

LIMITS = SourceLimits(max_bytes=1_000_000, max_text_bytes=100_000, max_records=1_000, max_unpacked_bytes=1_000_000)
PASTE = {
    "key": "abc",
    "kind": "paste",
    "visibility": "unlisted",
    "state": "live",
    "created_at": "2026-01-02T03:04:05+00:00",
    "updated_at": "2026-01-02T03:04:05+00:00",
}
LINK = PASTE | {"key": "def", "kind": "link", "original_url": "https://example.org/"}
MANIFEST = {"format": "slipbin-export", "version": 1, "site": "https://slip.example", "without_text": ["gone"]}


def read(path: Path, limits: SourceLimits = LIMITS) -> list[Item]:
    return list(source_of(ImportFormat.SLIPBIN_ZIP)(path, limits))


def write(
    path: Path,
    *lines: Any,
    texts: dict[str, bytes] | None = None,
    without: str = "",
    manifest: Any = MANIFEST,
    **others: list[Any],
) -> Path:
    """An export with these lines of entries, without the member of this name. `others`: lines of further members."""
    members = {
        "entries.jsonl": b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines),
        "collections.jsonl": b"",
        "manifest.json": json.dumps(manifest).encode(),
        **{f"texts/{key}": text for key, text in (texts or {}).items()},
        **{f"{name}.jsonl": b"\n".join(json.dumps(each).encode() for each in lines) for name, lines in others.items()},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if name != without:
                archive.writestr(name, content)
    return path


def without_times_of_adding(item: Item) -> Item:
    """The same; when a collection was made, and it put into it, is in no answer to compare with."""
    if not isinstance(item, Record):
        return item
    assert all(each.added_at is not None and each.created_at is not None for each in item.collections)
    without = tuple(replace(each, added_at=None, created_at=None) for each in item.collections)
    return replace(item, collections=without)


def to_milliseconds(instant: str) -> datetime:
    at = datetime.fromisoformat(instant)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def test_what_was_exported_is_read(client: httpx.Client, tmp_path: Path) -> None:
    user = new_user(client)
    text = "\ufeffa\r\nb\rä\0\U0001f600"
    paste = owned_paste(client, user, text=text, title="Ä \u2603", syntax="python", visibility="private", views=3)
    link = owned_link(client, user, original_url="https://bücher.example/?a#b", passes_query=True, expires_in="never")
    ended = owned_link(client, user)
    delete_entry(client, user, ended)
    first, second = (create_collection(client, user, name) for name in ("a", "b"))
    for collection, key in ((first, paste), (first, link), (second, link)):
        client.put(entries_path(collection, key), headers=user.headers).raise_for_status()
    shared = client.patch(f"/api/v1/collections/{second['id']}", json={"is_shared": True}, headers=user.headers).json()
    changed = client.patch(f"/api/v1/entries/{link}", json={"has_public_statistics": True}, headers=user.headers)
    assert changed.status_code == 200
    path = tmp_path / "export.zip"
    path.write_bytes(client.get("/api/v1/me/export.zip", headers=user.headers).content)

    of_paste, of_link, of_ended = map(without_times_of_adding, read(path))

    listed = {item["key"]: item for item in list_entries(client, user)["items"]}
    assert of_ended == Skipped(place="line 3", reason="It has ended.", is_fault=False)
    assert of_paste == Record(
        place="line 1",
        source_id=f"http://slipbin.test/{paste}",
        text=text.encode(),
        key=paste,
        title="Ä \u2603",
        syntax="python",
        visibility=Visibility.PRIVATE,
        created_at=datetime.fromisoformat(listed[paste]["created_at"]),
        expires_at=datetime.fromisoformat(listed[paste]["expires_at"]),
        collections=(NamedCollection("a"),),
        values={
            "updated_at": datetime.fromisoformat(listed[paste]["updated_at"]),
            "views_left": 3,
            "has_public_statistics": False,
        },
    )
    assert of_link == Record(
        place="line 2",
        source_id=f"http://slipbin.test/{link}",
        original_url="https://bücher.example/?a#b",
        key=link,
        created_at=datetime.fromisoformat(listed[link]["created_at"]),
        collections=(NamedCollection("a"), NamedCollection("b", shared["shared_url"].rpartition("/")[2])),
        targets=((to_milliseconds(listed[link]["created_at"]), "https://bücher.example/?a#b"),),
        values={
            "updated_at": datetime.fromisoformat(listed[link]["updated_at"]),
            "views_left": None,
            "has_public_statistics": True,
            "passes_query": True,
        },
    )


@pytest.mark.parametrize(
    ("line", "reason", "is_fault"),
    [
        (b"{", "This line isn't JSON.", True),
        (b"[1]", "This line isn't JSON.", True),
        (b"\xff", "This line isn't JSON.", True),
        (PASTE | {"key": "none"}, "Its text is missing.", True),
        (PASTE | {"key": "../entries.jsonl"}, "Its text is missing.", True),
        (PASTE | {"key": "gone"}, "It has ended.", False),
        (PASTE | {"key": "long"}, "Its text has more than 100,000 bytes.", True),
        (PASTE | {"state": "expired"}, "It has ended.", False),
        (PASTE | {"expires_at": "2026-01-03T00:00:00+00:00"}, "It has expired since the export.", False),
        (PASTE | {"created_at": "2026-01-03T00:00:00"}, "created_at: ", True),
        (LINK | {"visit_count": -1}, "visit_count: ", True),
        (LINK | {"imported_visit_count": 2**60}, "imported_visit_count: ", True),
        (LINK | {"views_left": 0}, "views_left: ", True),
        (LINK | {"views_left": 2**31}, "views_left: ", True),
        (LINK | {"passes_query": "yes"}, "passes_query: ", True),
        (b'{"key": "' + b"a" * 1_500_000 + b'"}', "This line isn't JSON.", True),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_line_is_said_and_others_are_read(
    tmp_path: Path, line: Any, reason: str, is_fault: bool
) -> None:
    limits = SourceLimits(max_bytes=1_000_000, max_text_bytes=100_000, max_records=1_000, max_unpacked_bytes=3_000_000)
    texts = {"abc": b"a", "long": b"a" * 100_001}
    path = write(
        tmp_path / "export.zip", line, b"", PASTE, LINK | {"visit_count": 2, "imported_visit_count": 3}, texts=texts
    )

    wrong, paste, link = read(path, limits)

    assert isinstance(wrong, Skipped)
    assert (wrong.place, wrong.is_fault) == ("line 1", is_fault)
    assert wrong.reason.startswith(reason)
    assert isinstance(paste, Record)
    assert isinstance(link, Record)
    assert (paste.place, paste.text, link.visits) == ("line 3", b"a", 5)


def day(key: str, day: str, people: int = 1, **fields: Any) -> dict[str, Any]:
    return {"key": key, "day": day, "visitors": 1, "hours": {"7": [people, 2]}, "values": None} | fields


def test_figures_are_put_together_by_month_in_the_order_of_entries(tmp_path: Path) -> None:
    entries = [LINK, LINK | {"key": "ended", "state": "ended"}, b"{", LINK | {"key": "last"}, LINK | {"key": "none"}]
    path = write(
        tmp_path / "f",
        *entries,
        imported_figures=[day("def", "2020-02-29", 1)],
        figures=[
            day("def", "2020-02-01", 10),
            day("def", "2020-03-01", 100),
            day("ended", "2020-02-01"),
            day("unknown", "2020-02-01"),
            day("last", "2020-02-01", values={"referrer": {"a.example": 1}, "new_kind": {"x": 1}}, later="field"),
            day("def", "2020-04-01"),
        ],
    )

    first, _, _, last, none = read(path)

    assert isinstance(first, Record)
    assert isinstance(last, Record)
    assert isinstance(none, Record)
    february, march = first.figures
    assert (february.month, february.first_day, february.last_day) == (
        date(2020, 2, 1),
        date(2020, 2, 1),
        date(2020, 2, 29),
    )
    assert (february.people, february.bots, february.visitors, march.people) == (11, 4, 2, 100)
    assert [each["day"] for each in json.loads(february.days)] == ["2020-02-29", "2020-02-01"]
    assert json.loads(last.figures[0].days) == [
        {
            "day": "2020-02-01",
            "visitors": 1,
            "hours": {"7": [1, 2]},
            "values": {"referrer": {"a.example": 1}, "new_kind": {"x": 1}},
        }
    ]
    assert (none.figures, first.note, last.note, none.note) == ((), None, None, None)
    # As in all of these lines, there may be figures without counts.
    assert [(each.visits, each.bot_visits) for each in (first, last, none)] == [(111, 6), (1, 2), (0, 0)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"day": "1989-12-31"},
        {"day": "2999-01-01"},
        {"day": "2020-02-30"},
        {"visitors": -1},
        {"visitors": 2**31},
        {"hours": {}},
        {"hours": {"7": [0, 0]}},
        {"hours": {"24": [1, 0]}},
        {"hours": {"7\n": [1, 0]}},
        {"hours": {"7": [1]}},
        {"hours": {"7": [2**41, 0]}},
        {"hours": {"7": [-1, 0]}},
        {"hours": {"7": ["1", 0]}},
        {"values": {"referrer": {"\0": 1}}},
        {"values": {"referrer": {"\ud800": 1}}},
        {"values": {"referrer": {"": 1}}},
        {"values": {"referrer": {"a" * 254: 1}}},
        {"values": {"referrer": {str(number): 1 for number in range(102)}}},
        {"values": {"Referrer": {"a": 1}}},
        {"values": {f"a{'b' * number}": {} for number in range(21)}},
    ],
    ids=str,
)
def test_figures_that_can_not_be_are_left_out_and_others_kept(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = write(tmp_path / "f", LINK, figures=[day("def", "2020-02-01") | wrong, day("def", "2020-02-02")])

    (link,) = read(path)

    assert isinstance(link, Record)
    assert [(each.people, each.first_day) for each in link.figures] == [(1, date(2020, 2, 2))]
    assert link.note == "Some of its figures were left out: they can't be read, or are too many."


def test_figures_are_bounded(tmp_path: Path) -> None:
    wide = {"values": {"referrer": {f"{number:03}{'a' * 250}": 1 for number in range(100)}}}
    many = [day("def", f"2020-02-{1 + number % 28:02}", **wide) for number in range(100)]
    path = write(tmp_path / "f", LINK, LINK | {"key": "last"}, figures=[*many, day("last", "2020-02-01", **wide)])
    limits = replace(LIMITS, max_unpacked_bytes=10_000_000)

    of_month, last = read(path, limits)
    of_file, cut_off = read(path, replace(limits, max_figures_bytes=30_000))

    assert isinstance(of_month, Record)
    assert isinstance(last, Record)
    assert isinstance(of_file, Record)
    assert isinstance(cut_off, Record)
    assert 2_000_000 < len(of_month.figures[0].days) <= 2 * 1024 * 1024
    assert (of_month.note is None, last.note, len(last.figures)) == (False, None, 1)
    assert (of_file.figures[0].people, cut_off.figures) == (1, ())
    assert cut_off.note is not None


def test_collections_that_no_entry_is_in_come_last(tmp_path: Path) -> None:
    path = write(
        tmp_path / "f",
        LINK,
        collections=[
            {"collection": "1", "name": "Empty", "created_at": "2020-01-01T00:00:00Z", "shared_key": "k" * 11},
            {"collection": "2", "name": "Full", "created_at": "2020-01-01T00:00:00Z"},
            {"collection": "2", "key": "def", "added_at": "2020-01-01T00:00:00Z"},
            {"collection": "1", "key": "of-someone-else", "added_at": "2020-01-01T00:00:00Z"},
        ],
    )

    link, empty = read(path)

    made = NamedCollection("Empty", "k" * 11, created_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert isinstance(link, Record)
    assert [each.name for each in link.collections] == ["Full"]
    assert empty == EmptyCollection(place="collection Empty", collection=made)


def cut(written: bytes) -> bytes:
    return written[:-30]


def with_a_flipped_bit(written: bytes) -> bytes:
    position = written.index(b"entries.jsonl") + 40
    return written[:position] + bytes([written[position] ^ 1]) + written[position + 1 :]


@pytest.mark.parametrize("damage", [cut, with_a_flipped_bit, lambda _: b"", lambda _: b"key,url\r\n"])
def test_damaged_file_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = write(tmp_path / "export.zip", *[LINK | {"title": str(number)} for number in range(50)])
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(SourceUnreadableError, match="isn't a zip, or it is damaged"):
        read(path)


@pytest.mark.parametrize(
    ("manifest", "without", "message"),
    [
        (MANIFEST | {"version": 2}, "", "newer release"),
        (MANIFEST | {"format": "another"}, "", "isn't an export of this service"),
        ([], "", "isn't an export of this service"),
        (MANIFEST, "manifest.json", "a part of it is missing"),
        (MANIFEST, "entries.jsonl", "a part of it is missing"),
        (MANIFEST, "collections.jsonl", "a part of it is missing"),
    ],
)
def test_another_zip_is_refused(tmp_path: Path, manifest: Any, without: str, message: str) -> None:
    with pytest.raises(SourceUnreadableError, match=message):
        read(write(tmp_path / "export.zip", LINK, manifest=manifest, without=without))


def test_zip_packed_by_lzma_is_refused_as_its_dictionary_may_fill_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "export.zip", LINK)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("texts/def", b"text")

    with pytest.raises(SourceUnreadableError, match="packed in a way that can't be read"):
        read(path)


def collected(key: str, count: int) -> bytes:
    collections = "".join(f'{{"collection": "{n}", "name": "c{n}"}}\n' for n in range(1_500))
    return (collections + "".join(f'{{"collection": "{n % 1_000}", "key": "{key}"}}\n' for n in range(count))).encode()


def test_collections_that_fill_memory_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "export.zip", LINK)
    with zipfile.ZipFile(path) as whole:
        members = {member: whole.read(member) for member in whole.namelist()}
    path.write_bytes(zip_of(members | {"collections.jsonl": collected("def", 6_000)}))
    roomy = replace(LIMITS, max_records=2_000)

    with pytest.raises(SourceUnreadableError, match="collections in this zip are too large"):
        read(path)
    (link,) = read(path, roomy)

    assert isinstance(link, Record)
    assert len(link.collections) == 1_000


@pytest.mark.parametrize("member", ["collections", "entries", "figures"])
def test_zip_of_empty_lines_is_refused_before_all_are_read(tmp_path: Path, member: str) -> None:
    """A small one may hold so many that others would wait for hours."""
    path = write(tmp_path / "export.zip", LINK, figures=[])
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    few, many = ({**members, f"{member}.jsonl": b"\n" * count} for count in (1_000, 1_001))

    path.write_bytes(zip_of(few))
    read(path)
    path.write_bytes(zip_of(many))
    with pytest.raises(SourceUnreadableError, match="too many empty lines"):
        read(path)


def test_figures_most_of_which_can_not_be_read_are_refused(tmp_path: Path) -> None:
    def with_faults(count: int) -> Path:
        return write(tmp_path / "f", LINK, figures=[*["x"] * count, day("def", "2020-02-02")])

    (link,) = read(with_faults(10_000))

    assert isinstance(link, Record)
    assert (len(link.figures), link.note is None) == (1, False)
    with pytest.raises(SourceUnreadableError, match="figures in this zip can't be read"):
        read(with_faults(10_001))


def test_zip_that_unpacks_to_more_than_it_may_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "export.zip", texts={"abc": b"\0" * 2_000_000})
    assert path.stat().st_size < 10_000

    with pytest.raises(SourceUnreadableError, match="more than can be imported"):
        read(path)


def test_encrypted_text_is_a_fault_of_its_line(tmp_path: Path) -> None:
    written = bytearray(write(tmp_path / "export.zip", PASTE, LINK, texts={"abc": b"a"}).read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = written.rindex(
            signature, 0, written.rindex(b"texts/abc") if offset == 8 else written.index(b"texts/abc")
        )
        written[start + offset] |= 1
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        assert [member.flag_bits & 1 for member in archive.infolist()] == [0, 0, 0, 1]
    path = tmp_path / "encrypted.zip"
    path.write_bytes(written)

    faulty, link = read(path)

    assert faulty == Skipped(place="line 1", reason="Its text is damaged.")
    assert isinstance(link, Record)


def test_text_is_read_once_however_many_lines_name_its_key(tmp_path: Path) -> None:
    first, *others = read(write(tmp_path / "f", *[PASTE] * 3, texts={"abc": b"text"}))

    assert isinstance(first, Record)
    reasons = [other.reason for other in others if isinstance(other, Skipped)]
    assert reasons == ["Its key is in the file twice."] * 2


@pytest.mark.parametrize(("text", "reason"), [(b"ab\xff", "isn't in UTF-8: byte 2 is invalid"), (b"", "is empty")])
def test_text_that_no_page_could_show_is_a_fault(tmp_path: Path, text: bytes, reason: str) -> None:
    (item,) = read(write(tmp_path / "f", PASTE, texts={"abc": text}))

    assert isinstance(item, Skipped)
    assert reason in item.reason


@pytest.mark.parametrize("wrong", [{"views_left": 2**40}, {"visit_count": 2**70}, {"imported_visit_count": 2**70}])
def test_number_that_no_column_holds_is_a_fault(tmp_path: Path, wrong: dict[str, int]) -> None:
    (item,) = read(write(tmp_path / "f", LINK | wrong))

    assert isinstance(item, Skipped)
