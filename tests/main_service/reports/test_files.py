"""What is in the files of reports: figures, types, and texts of people that stay texts."""

import io
import zipfile
from datetime import date, datetime, timedelta

import asyncpg
import httpx
import pytest

from tests.support.accounts import account_id_of
from tests.support.collections import insert_collection, new_collection_name
from tests.support.engines import Environment
from tests.support.entries import delete_entry, ended, insert_entry, owned_link, owned_paste
from tests.support.reports import (
    FIRST_DAY,
    LAST_DAY,
    backdate_entries,
    build_ordered_reports,
    confirmed_user,
    csv_rows,
    days_ago,
    download_report,
    get_report,
    open_workbook,
    order_report,
    ordered_file,
    sheet_rows,
    today,
)
from tests.support.statistics import insert_hour_counts, insert_value_count, utc

SHEETS = [
    "Summary", "Entries", "Visits per day",
    "Countries", "Devices", "Browsers", "Systems", "Languages", "Referrers",
]  # fmt: skip
HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://evil.example","x")', "=cmd|' /C calc'!A0", "＝1", "{=1}"]


def day(number: int) -> datetime:
    """A day of March 2026 as openpyxl reads it."""
    return datetime(2026, 3, number)  # noqa: DTZ001


async def test_workbook_has_the_figures_of_the_range_as_numbers_and_dates(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)
    first, second = owned_link(client, user, title="A link"), owned_paste(client, user)
    await backdate_entries(database, first, second)
    for key, hour, people, bots, visitors in (
        (first, "2026-02-28 23:00", 100, 100, 100),
        (first, "2026-03-01 00:00", 1, 0, 1),
        (first, "2026-03-01 23:00", 2, 5, 2),
        (first, "2026-03-31 23:00", 4, 0, 3),
        (second, "2026-03-31 00:00", 8, 1, 6),
        (second, "2026-04-01 00:00", 100, 100, 100),
    ):
        await insert_hour_counts(database, key, hour, people=people, bots=bots, visitors=visitors)
    for key, on, value, visits in (
        (first, "2026-03-01", "DE", 3), (second, "2026-03-31", "FR", 8), (first, "2026-03-31", "unknown", 1),
        (first, "2026-03-31", "FR", 2), (first, "2026-03-31", "other", 50), (first, "2026-04-01", "DE", 100),
    ):  # fmt: skip
        await insert_value_count(database, key, on, "country", value, visits)
    await insert_value_count(database, first, "2026-03-01", "referrer", "forum.example", 2)

    workbook = open_workbook(await ordered_file(client, environment, user))

    assert workbook.sheetnames == SHEETS
    found = sheet_rows(workbook, "Visits per day")
    expected = [
        [day(1), first, 3, 5, 2],
        [day(31), first, 4, 0, 3],
        [day(31), second, 8, 1, 6],
    ]
    assert sorted(found, key=str) == sorted(expected, key=str)
    entries = {row[0]: row for row in sheet_rows(workbook, "Entries")}
    assert entries.keys() == {first, second}
    assert entries[first][1:7] == [
        "link", f"http://slipbin.test/{first}", "A link", "https://example.org/target", "unlisted", "live",
    ]  # fmt: skip
    assert entries[first][7] == day(1)
    assert entries[first][10:] == [7, 5, 5, 107]
    assert entries[second][10:] == [8, 1, 6, 108]
    assert sheet_rows(workbook, "Countries") == [["FR", 10], ["DE", 3], ["unknown", 1], ["other", 50]]
    assert sheet_rows(workbook, "Referrers") == [["forum.example", 2]]
    summary = [row for row in workbook["Summary"].iter_rows(values_only=True) if isinstance(row[0], datetime)]
    assert len(summary) == 31
    assert summary[0] == (day(1), "Sun 1 Mar", 3, 5, 2)
    assert summary[1] == (day(2), "Mon 2 Mar", 0, 0, 0)
    assert summary[30] == (day(31), "Tue 31 Mar", 12, 1, 9)
    facts = [row[0] for row in workbook["Summary"].iter_rows(max_row=6, values_only=True)]
    assert facts[:2] == ["Entries: all of mine", "Days: 2026-03-01 to 2026-03-31, of UTC"]
    assert facts[3:] == [
        "Visits: 15 of people, 6 of crawlers", "Daily visitors: about 11; who came on two days counts twice",
        "Countries: from IPFire Location (https://location.ipfire.org/) of 2026-06-25, CC BY-SA 4.0",
    ]  # fmt: skip


async def test_workbook_keeps_its_headers_in_sight_and_shows_a_chart(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)

    workbook = open_workbook(await ordered_file(client, environment, user))

    assert [workbook[name].freeze_panes for name in SHEETS[1:]] == ["A2"] * 8
    assert workbook["Summary"].freeze_panes == "A9"
    assert [cell.value for cell in workbook["Summary"][8]] == ["Day", "Weekday", "Visits", "Crawlers", "Daily visitors"]
    [chart] = workbook["Summary"]._charts
    assert [series.val.numRef.f for series in chart.series] == ["Summary!$C$9:$C$39", "Summary!$D$9:$D$39"]
    assert [len(series.val.numRef.numCache.pt) for series in chart.series] == [31, 31]
    assert chart.series[0].cat.strRef.f == "Summary!$B$9:$B$39"
    # Without visits and entries, the headers are still there.
    assert [cell.value for cell in workbook["Countries"][1]] == ["Country", "Visits"]
    assert sheet_rows(workbook, "Entries") == []
    formats = {cell.value: cell.number_format for cell in workbook["Summary"][9]}
    assert formats == {day(1): "yyyy-mm-dd", "Sun 1 Mar": "General", 0: "#,##0"}


async def test_texts_of_people_are_never_formulas(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)
    keys = [owned_link(client, user, title=title) for title in HOSTILE]
    # As no request can make them.
    keys += [
        await insert_entry(database, owner_id=account_id_of(client, user), title=text)
        for text in ("\t=1", "\r=1", "a\x01\x1f")
    ]
    await backdate_entries(database, *keys)
    for text in (*HOSTILE, "\t=1", "http://evil.example/"):
        await insert_value_count(database, keys[0], "2026-03-02", "referrer", text, 1)
        await insert_value_count(database, keys[0], "2026-03-02", "language", text, 1)

    workbook = open_workbook(await ordered_file(client, environment, user))
    archive = await ordered_file(client, environment, user, format="csv")

    cells = [cell for sheet in workbook for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    assert [cell.hyperlink for cell in cells if cell.hyperlink] == []
    titles = [row[3] for row in sheet_rows(workbook, "Entries")]
    assert set(titles) >= {
        *HOSTILE,
        "\t=1",
        "\N{REPLACEMENT CHARACTER}=1",
        "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}",
    }
    assert {row[0] for row in sheet_rows(workbook, "Referrers")} == {*HOSTILE, "\t=1", "http://evil.example/"}
    texts = [
        value
        for name in zipfile.ZipFile(io.BytesIO(archive)).namelist()
        for row in csv_rows(archive, name)
        for value in row
    ]
    assert "'=1+1" in texts
    assert "'\t=1" in texts
    assert [text for text in texts if text.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))] == []


async def test_owner_sees_all_that_is_theirs_and_nothing_of_others(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user, other = await confirmed_user(client, database), await confirmed_user(client, database)
    private = owned_link(client, user, visibility="private", title="secret")
    limited = owned_link(client, user, views=3, title="limited")
    gone = owned_link(client, user, title="gone")
    delete_entry(client, user, gone)
    over = owned_link(client, user, title="over")
    await database.execute("UPDATE entry SET expires_at = now() WHERE key = $1", over)
    later = owned_link(client, user)
    theirs = owned_link(client, other)
    await backdate_entries(database, private, limited, gone, over, theirs)
    for key in (private, limited, gone, over, theirs):
        await insert_hour_counts(database, key, "2026-03-05 10:00")

    workbook = open_workbook(await ordered_file(client, environment, user))

    states = {row[3]: row[6] for row in sheet_rows(workbook, "Entries")}
    assert states == {"secret": "live", "limited": "live", "gone": "deleted", "over": "expired"}
    assert {row[1] for row in sheet_rows(workbook, "Visits per day")} == {private, limited, gone, over}
    assert later not in str(sheet_rows(workbook, "Entries")), "it was made after the range"


async def test_report_of_a_collection_has_the_entries_of_mine_in_it(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user, other = await confirmed_user(client, database), await confirmed_user(client, database)
    inside, outside, theirs = (
        owned_link(client, user),
        owned_link(client, user),
        owned_link(client, other, visibility="public"),
    )
    await backdate_entries(database, inside, outside, theirs)
    for key in (inside, outside, theirs):
        await insert_hour_counts(database, key, "2026-03-05 10:00", people=2)
        await insert_value_count(database, key, "2026-03-05", "device", "mobile", 2)
    name = new_collection_name()
    collection_id = await insert_collection(database, account_id_of(client, user), inside, theirs, name=name)

    for collection in (str(collection_id), name, name.upper()):
        report = order_report(client, user, collection=collection)
        assert (report["collection_id"], report["collection"]) == (str(collection_id), name)
        await build_ordered_reports(environment)
        workbook = open_workbook(download_report(client, user, report).content)
        assert [row[0] for row in sheet_rows(workbook, "Entries")] == [inside]
        assert sheet_rows(workbook, "Devices") == [["mobile", 2]]
        assert workbook["Summary"]["A1"].value == f"Entries: mine in the collection “{name}”"


async def test_archive_has_a_file_for_each_sheet(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)
    key = await insert_entry(
        database, owner_id=account_id_of(client, user), title='say "hi", Jörg', created_at=utc("2026-03-02 10:20"),
        expires_at=utc("2026-03-04 00:00"), **{**ended(utc("2026-03-03 08:00")), "updated_at": utc("2026-03-03 08:00")},
    )  # fmt: skip
    await insert_hour_counts(database, key, "2026-03-02 11:00", people=3, bots=2, visitors=2)

    archive = await ordered_file(client, environment, user, format="csv")

    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        assert files.namelist() == [f"{name}.csv" for name in ("Summary", "Days", *SHEETS[1:])]
        assert files.read("Entries.csv").startswith(b"\xef\xbb\xbfKey,Kind,")
    assert csv_rows(archive, "Summary.csv")[:3] == [
        ["Fact", "Value"], ["Entries", "all of mine"], ["Days", "2026-03-01 to 2026-03-31, of UTC"],
    ]  # fmt: skip
    days = csv_rows(archive, "Days.csv")
    assert days[0] == ["Day", "Weekday", "Visits", "Crawlers", "Daily visitors"]
    assert (days[2], len(days)) == (["2026-03-02", "Mon 2 Mar", "3", "2", "2"], 32)
    assert csv_rows(archive, "Visits per day.csv")[1:] == [["2026-03-02", key, "3", "2", "2"]]
    assert csv_rows(archive, "Entries.csv")[1:] == [
        [
            key, "link", f"http://slipbin.test/{key}", 'say "hi", Jörg', "https://example.org/", "unlisted", "deleted",
            "2026-03-02T10:20:00Z", "2026-03-04T00:00:00Z", "2026-03-03T08:00:00Z", "3", "2", "2", "3",
        ]
    ]  # fmt: skip


async def test_today_counts_up_to_now_and_days_to_come_are_left_out(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)

    report = order_report(client, user, first=days_ago(1), last=today() + timedelta(days=30))

    assert (report["from"], date.fromisoformat(report["to"]) <= today()) == (str(days_ago(1)), True)


@pytest.mark.parametrize("file_format", ["xlsx", "csv"])
async def test_file_is_sent_as_what_it_is(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection, file_format: str
) -> None:
    user = await confirmed_user(client, database)
    report = order_report(client, user, format=file_format)
    await build_ordered_reports(environment)

    answer = download_report(client, user, report)

    assert answer.status_code == 200
    media_type, ending = {
        "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        "csv": ("application/zip", "zip"),
    }[file_format]
    assert answer.headers["content-type"] == media_type
    name = f"slipbin-{FIRST_DAY}-to-{LAST_DAY}.{ending}"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert (
        int(answer.headers["content-length"]) == get_report(client, user, report)["size_bytes"] == len(answer.content)
    )
    for _ in range(2):
        # The connection stays good: the second answer comes on it.
        head = client.head(f"/api/v1/reports/{report['id']}/file", headers=user.headers)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == answer.headers["content-length"]
