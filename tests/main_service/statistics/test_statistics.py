"""The figures of an entry: what is counted, from when to when."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import asyncpg
import httpx
import pytest

from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.statistics import get_history, get_statistics, insert_hour_counts, insert_value_count


async def test_statistics_of_an_entry_are_the_sums_of_its_counts(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    link, other = create_link(client), create_link(client)
    key = link["key"]
    await insert_hour_counts(database, key, "2023-05-01 09:00", people=3, bots=1, visitors=2)
    await insert_hour_counts(database, key, "2023-05-01 23:00", people=4, visitors=5)
    await insert_hour_counts(database, key, "2023-05-02 00:00", people=5, bots=2, visitors=1)
    await insert_hour_counts(database, other["key"], "2023-05-01 09:00", people=100, bots=100, visitors=100)
    for day in ("2023-05-01", "2023-05-02"):
        await insert_value_count(database, key, day, "country", "DE", 3)
    await insert_value_count(database, key, "2023-05-01", "country", "unknown", 4)
    await insert_value_count(database, key, "2023-05-01", "device", "mobile", 7)
    await insert_value_count(database, key, "2023-05-01", "browser", "Firefox", 7)
    await insert_value_count(database, key, "2023-05-01", "os", "Linux", 7)
    await insert_value_count(database, key, "2023-05-01", "language", "de", 7)
    await insert_value_count(database, key, "2023-05-01", "referrer", "example.org", 7)
    await insert_value_count(database, other["key"], "2023-05-01", "referrer", "example.org", 100)

    assert get_statistics(client, key, manage_headers(link)) == {
        "key": key,
        "kind": "link",
        "original_url": link["original_url"],
        "qr_url": f"http://slipbin.test/{key}/qr.svg",
        "created_at": link["created_at"],
        "last_visit_at": "2023-05-02T00:00:00Z",
        "visit_count": 12,
        "imported_visit_count": 0,
        "before_import": None,
        "bot_count": 3,
        # Five on the first day, one on the second.
        "unique_visitors": 6,
        "countries": [{"value": "DE", "visits": 6}, {"value": "unknown", "visits": 4}],
        "devices": [{"value": "mobile", "visits": 7}],
        "browsers": [{"value": "Firefox", "visits": 7}],
        "systems": [{"value": "Linux", "visits": 7}],
        "languages": [{"value": "de", "visits": 7}],
        "referrers": [{"value": "example.org", "visits": 7}],
    }


def test_address_of_the_qr_code_works_as_long_as_the_entry_lives(client: httpx.Client) -> None:
    link = create_link(client)

    address = get_statistics(client, link["key"], manage_headers(link))["qr_url"]
    code = client.get(address.removeprefix("http://slipbin.test"))
    assert (code.status_code, code.headers["content-type"]) == (200, "image/svg+xml")

    client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).raise_for_status()
    assert get_statistics(client, link["key"], manage_headers(link))["qr_url"] is None


def test_entry_without_visits_has_zeros(client: httpx.Client) -> None:
    paste = create_paste(client)

    found = get_statistics(client, paste["key"], manage_headers(paste))

    assert (found["visit_count"], found["bot_count"], found["unique_visitors"]) == (0, 0, 0)
    assert found["last_visit_at"] is found["original_url"] is None
    assert found["countries"] == found["referrers"] == []


async def test_range_of_days_holds_its_first_and_its_last(client: httpx.Client, database: asyncpg.Connection) -> None:
    link = create_link(client)
    key = link["key"]
    for number, hour in enumerate(
        ("2023-04-30 23:00", "2023-05-01 00:00", "2023-05-01 23:00", "2023-05-02 00:00", "2023-05-03 00:00")
    ):
        await insert_hour_counts(database, key, hour, people=10**number)
    for number, day in enumerate(("2023-04-30", "2023-05-01", "2023-05-02", "2023-05-03")):
        await insert_value_count(database, key, day, "country", "DE", 10**number)

    def sums(**days: str) -> tuple[int, int]:
        found = get_statistics(client, key, manage_headers(link), **days)
        return found["visit_count"], sum(each["visits"] for each in found["countries"])

    assert sums(**{"from": "2023-05-01", "to": "2023-05-01"}) == (110, 10)
    assert sums(**{"from": "2023-05-01", "to": "2023-05-02"}) == (1110, 110)
    assert sums(to="2023-04-30") == (1, 1)
    assert sums(**{"from": "2023-05-02"}) == (11000, 1100)
    assert sums(**{"from": "2023-05-04"}) == (0, 0)
    assert sums() == (11111, 1111)


async def test_hundred_values_are_listed_and_the_rest_are_other(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    link = create_link(client)
    for number in range(1, 121):
        await insert_value_count(database, link["key"], "2023-05-01", "referrer", f"{number:03}.example", number)
    await insert_value_count(database, link["key"], "2023-05-02", "referrer", "other", 1000)

    referrers = get_statistics(client, link["key"], manage_headers(link))["referrers"]

    assert len(referrers) == 101
    assert referrers[0] == {"value": "120.example", "visits": 120}
    assert referrers[99] == {"value": "021.example", "visits": 21}
    assert referrers[100] == {"value": "other", "visits": 1000 + sum(range(1, 21))}


async def test_history_fills_days_without_visits_with_zeros(client: httpx.Client, database: asyncpg.Connection) -> None:
    link = create_link(client)
    await insert_hour_counts(database, link["key"], "2023-02-28 23:00", people=2, bots=1)
    await insert_hour_counts(database, link["key"], "2023-03-02 00:00", people=3)

    found = get_history(client, link["key"], manage_headers(link), **{"from": "2023-02-27", "to": "2023-03-02"})

    assert found == {
        "key": link["key"],
        "by": "day",
        "timezone": "UTC",
        "from": "2023-02-27",
        "to": "2023-03-02",
        "items": [
            {"start": "2023-02-27T00:00:00Z", "visit_count": 0, "bot_count": 0},
            {"start": "2023-02-28T00:00:00Z", "visit_count": 2, "bot_count": 1},
            {"start": "2023-03-01T00:00:00Z", "visit_count": 0, "bot_count": 0},
            {"start": "2023-03-02T00:00:00Z", "visit_count": 3, "bot_count": 0},
        ],
    }


def people(found: dict[str, object]) -> dict[str, int]:
    return {each["start"]: each["visit_count"] for each in found["items"] if each["visit_count"]}


async def test_months_and_days_are_those_of_the_time_zone(client: httpx.Client, database: asyncpg.Connection) -> None:
    """22:00 UTC is midnight in Berlin in summer, 23:00 UTC in winter."""
    link = create_link(client)
    for number, hour in enumerate(("2023-04-30 21:00", "2023-04-30 22:00", "2023-12-31 22:00", "2022-12-31 23:00")):
        await insert_hour_counts(database, link["key"], hour, people=10**number)

    def shown(**query: str) -> dict[str, int]:
        return people(get_history(client, link["key"], manage_headers(link), timezone="Europe/Berlin", **query))

    assert shown(by="month", **{"from": "2022-12-01", "to": "2023-05-31"}) == {
        "2023-01-01T00:00:00+01:00": 1000, "2023-04-01T00:00:00+02:00": 1, "2023-05-01T00:00:00+02:00": 10,
    }  # fmt: skip
    assert shown(**{"from": "2023-04-30", "to": "2023-05-01"}) == {
        "2023-04-30T00:00:00+02:00": 1, "2023-05-01T00:00:00+02:00": 10,
    }  # fmt: skip
    # A month that begins within the range holds the days of the range only.
    assert shown(by="month", **{"from": "2023-05-01", "to": "2023-05-31"}) == {"2023-05-01T00:00:00+02:00": 10}
    assert shown(by="month", **{"from": "2023-05-02", "to": "2023-05-31"}) == {}


@pytest.mark.parametrize(
    ("day", "hours", "first_utc", "last_utc"),
    [
        ("2023-03-26", 23, "2023-03-25 23:00", "2023-03-26 21:00"),
        ("2022-10-30", 25, "2022-10-29 22:00", "2022-10-30 22:00"),
        ("2023-06-01", 24, "2023-05-31 22:00", "2023-06-01 21:00"),
    ],
)
async def test_day_on_which_the_clock_is_changed_has_its_own_number_of_hours(
    client: httpx.Client, database: asyncpg.Connection, day: str, hours: int, first_utc: str, last_utc: str
) -> None:
    link = create_link(client)
    await insert_hour_counts(database, link["key"], first_utc, people=1)
    await insert_hour_counts(database, link["key"], last_utc, people=10)

    def ask(by: str) -> list[dict[str, object]]:
        days = {"from": day, "to": day}
        found = get_history(client, link["key"], manage_headers(link), by=by, timezone="Europe/Berlin", **days)
        items: list[dict[str, object]] = found["items"]
        return items

    assert [each["visit_count"] for each in ask("day")] == [11]
    by_hour = ask("hour")
    assert len(by_hour) == hours
    assert (by_hour[0]["visit_count"], by_hour[-1]["visit_count"]) == (1, 10)
    instants = [datetime.fromisoformat(str(each["start"])) for each in by_hour]
    assert {later - earlier for earlier, later in pairwise(instants)} == {timedelta(hours=1)}


async def test_zone_that_is_half_an_hour_off_gets_the_hour_on_whose_day_it_begins(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    """Midnight in India is 18:30 UTC: the hour of 18:00 began on the day before."""
    link = create_link(client)
    await insert_hour_counts(database, link["key"], "2023-05-01 18:00", people=1)
    await insert_hour_counts(database, link["key"], "2023-05-01 19:00", people=10)

    found = get_history(
        client, link["key"], manage_headers(link), timezone="Asia/Kolkata", **{"from": "2023-05-01", "to": "2023-05-02"}
    )

    assert people(found) == {"2023-05-01T00:30:00+05:30": 1, "2023-05-02T00:30:00+05:30": 10}


async def test_history_ends_with_the_present_step(client: httpx.Client, database: asyncpg.Connection) -> None:
    link = create_link(client)
    before = datetime.now(UTC)
    await insert_hour_counts(database, link["key"], before.replace(minute=0, second=0, microsecond=0))

    for by, spans in (("hour", range(25, 49)), ("day", [30]), ("month", [12, 13])):
        items = get_history(client, link["key"], manage_headers(link), by=by, to="2999-01-01")["items"]
        assert len(items) in spans
        if datetime.now(UTC).hour == before.hour:
            assert items[-1]["visit_count"] == 1
        assert datetime.fromisoformat(items[-1]["start"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("path", "query", "field", "code"),
    [
        ("stats", "from=2023-05-02&to=2023-05-01", "from", "range_reversed"),
        ("stats", "from=1999-12-31", "from", "day_out_of_range"),
        ("stats", "to=9999-12-31", "to", "day_out_of_range"),
        ("stats", "from=2023-02-30", "from", "date_from_datetime_parsing"),
        ("stats", "from=1700000000", "from", "day_invalid"),
        ("stats", "from=2023-05-01T00:00:00", "from", "day_invalid"),
        ("stats", "form=2023-05-01", "form", "extra_forbidden"),
        ("history", "by=hour&from=2023-01-01&to=2023-02-01", "from", "range_too_long"),
        ("history", "by=day&from=2022-01-01&to=2023-02-05", "from", "range_too_long"),
        ("history", "by=month&from=2012-01-01&to=2023-01-01", "from", "range_too_long"),
        ("history", "from=2998-01-01", "from", "range_in_future"),
        ("history", "from=2023-05-02&to=2023-05-01", "from", "range_reversed"),
        ("history", "by=week", "by", "enum"),
        ("history", "timezone=Mars/Olympus", "timezone", "timezone_unknown"),
        ("history", "timezone=../../etc/passwd", "timezone", "timezone_unknown"),
        ("history", "timezone=Europe", "timezone", "timezone_unknown"),
        ("history", "timezone=Europe/Berlin%00", "timezone", "timezone_unknown"),
        ("history", "timezone=", "timezone", "timezone_unknown"),
    ],
)
def test_range_that_makes_no_sense_is_refused_with_a_sentence(
    client: httpx.Client, path: str, query: str, field: str, code: str
) -> None:
    link = create_link(client)

    response = client.get(f"/api/v1/entries/{link['key']}/{path}?{query}", headers=manage_headers(link))

    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert (error["field"], error["code"]) == (field, code)
    assert error["message"].endswith(".")


def test_longest_ranges_are_answered(client: httpx.Client) -> None:
    link = create_link(client)

    for by, first, last, steps in (
        ("hour", "2023-01-01", "2023-01-31", 744),
        ("day", "2022-01-01", "2023-02-04", 400),
        ("month", "2013-01-01", "2023-01-08", 121),
    ):
        found = get_history(client, link["key"], manage_headers(link), by=by, **{"from": first, "to": last})
        assert len(found["items"]) == steps
