"""Filters of the statistics page: which visits they leave, how far back they go, and what hostile ones do."""

import html
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from main_service.statistics import filtered_visits
from main_service.statistics.time_ranges import Buckets
from main_service.visits.models import Dimension
from tests.browser.payloads import PAYLOADS
from tests.support.engines import Environment
from tests.support.entries import create_link, manage_headers
from tests.support.hostile_markup import PageElements
from tests.support.pages import BROWSER, OUR_SCRIPT, words
from tests.support.settings import task_resources
from tests.support.statistics import insert_hour_counts
from tests.support.visits import ANDROID_CHROME, FIREFOX, GOOGLEBOT, add_batch, at_ms, ingest, visit_to

INSERT_VISIT = "INSERT INTO visit (visited_at, key, country, referrer_domain, is_bot) VALUES ($1, $2, $3, $4, $5)"
ROW = re.compile(r'<th scope="row">(.*?)</th>\s*<td class="number">([0-9,]+)</td>', re.DOTALL)


def published_links(client: httpx.Client, count: int) -> list[str]:
    keys = []
    for _ in range(count):
        link = create_link(client)
        change = {"has_public_statistics": True}
        client.patch(f"/api/v1/entries/{link['key']}", json=change, headers=manage_headers(link)).raise_for_status()
        keys.append(link["key"])
    return keys


def page(client: httpx.Client, key: str, query: str = "") -> httpx.Response:
    response = client.get(f"/{key}/stats{query}", headers=BROWSER)
    assert response.status_code == 200, response.text
    return response


def panel(shown: httpx.Response, name: str) -> dict[str, int]:
    [section] = re.findall(rf'<section aria-labelledby="by-{name}">(.*?)</section>', shown.text, re.DOTALL)
    plain = [(re.sub(r"<[^>]*>", "", value).strip(), count) for value, count in ROW.findall(section)]
    return {html.unescape(value): int(count.replace(",", "")) for value, count in plain}


async def test_filters_leave_the_visits_that_have_all_of_their_values(
    environment: Environment, client: httpx.Client, valkey: object
) -> None:
    key, other = published_links(client, 2)
    now = at_ms(datetime.now(UTC))
    phone = {"user_agent": ANDROID_CHROME, "language": "de"}
    visits = [
        *(visit_to(key, at_ms=now, referrer="https://a.example/", **phone) for _ in range(3)),
        *(visit_to(key, at_ms=now, referrer="https://b.example/", **phone) for _ in range(2)),
        visit_to(key, at_ms=now, referrer="https://a.example/", user_agent=FIREFOX),
        visit_to(key, at_ms=now, referrer="", user_agent=FIREFOX),
        visit_to(key, at_ms=now, referrer="https://a.example/", user_agent=GOOGLEBOT),
        visit_to(other, at_ms=now, referrer="https://a.example/", **phone),
    ]
    add_batch(valkey, visits)  # type: ignore[arg-type]
    await ingest(environment)

    every = page(client, key)
    assert panel(every, "referrer") == {"a.example": 4, "b.example": 2, "Direct or unknown": 1}
    [link] = [
        html.unescape(each) for each in re.findall(r'href="([^"]+)"', every.text) if each.endswith("referrer=a.example")
    ]
    chosen = client.get(link, headers=BROWSER)
    assert panel(chosen, "referrer") == {"a.example": 4}
    assert panel(chosen, "device") == {"Phone": 3, "Computer": 1}
    assert panel(chosen, "language") == {"German": 3, "English": 1}
    assert "Visits 4" in words(chosen)
    assert "Crawler visits" not in words(chosen)
    assert "Daily visitors and crawlers are counted for all visits only." in words(chosen)
    assert "Remove the filter Referrer: a.example" in words(chosen)

    both = page(client, key, "?referrer=a.example&device=mobile&tz=Asia/Kolkata")
    assert panel(both, "browser") == {"Chrome (phone)": 3}
    assert re.findall(r"<title>[^<]*: ([1-9]\d*) visits</title>", both.text) == ["3"]
    assert panel(page(client, key, "?referrer=unknown"), "device") == {"Computer": 1}
    assert panel(page(client, key, "?country=unknown"), "referrer") == panel(every, "referrer")


async def test_filter_of_a_period_has_that_period_only(client: httpx.Client, database: asyncpg.Connection) -> None:
    [key] = published_links(client, 1)
    now = datetime.now(UTC)
    await database.execute("UPDATE entry SET created_at = $1 WHERE key = $2", now - timedelta(days=90), key)
    for days, visits in ((0, 1), (5, 2), (20, 4), (60, 8)):
        at = now - timedelta(days=days)
        await insert_hour_counts(database, key, at.replace(minute=0, second=0, microsecond=0), people=2 * visits)
        await database.executemany(
            INSERT_VISIT, [(at, key, country, None, False) for country in ("DE", "FR") for _ in range(visits)]
        )

    for period, visits in (("24h", 1), ("7d", 3), ("30d", 7), ("90d", 15), ("all", 15)):
        shown = page(client, key, f"?period={period}&country=DE&tz=America/New_York")
        assert panel(shown, "country") == {"Germany": visits}
    assert panel(page(client, key, "?country=US"), "country") == {}
    # 13 days, beside the 13 before; 90 days before the last 90 there was no entry.
    assert "Visits 3 −25 % 25 % less than the 4 of the period before" in words(
        page(client, key, f"?period=custom&from={(now - timedelta(days=12)).date()}&country=DE&tz=UTC")
    )
    assert "Compared with" not in words(page(client, key, "?period=90d&country=DE"))
    assert "No visits in this period." in words(page(client, key, "?country=US"))


async def test_filters_go_back_as_far_as_single_visits_are_kept(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    [key] = published_links(client, 1)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first, kept = midnight - timedelta(days=25), midnight - timedelta(days=10) + timedelta(hours=3, minutes=20)
    await database.execute("UPDATE entry SET created_at = $1 WHERE key = $2", first, key)
    await insert_hour_counts(database, key, first, people=5)
    await insert_hour_counts(database, key, kept.replace(minute=0), people=2)
    await database.executemany(INSERT_VISIT, [(kept, key, "DE", None, False)] * 2)
    since = f"{kept.day} {kept:%b %Y}"

    assert f"from {since} on: only totals of earlier ones are kept" in words(page(client, key))
    filtered = page(client, key, "?country=DE")
    assert f"Filtered from {since}, 03:00 on: only totals of earlier visits are kept." in words(filtered)
    assert panel(filtered, "country") == {"Germany": 2}
    # All of it is kept of the last week, and none of what was before.
    assert "only totals" not in words(page(client, key, "?period=7d&country=DE"))
    before = f"?period=custom&from={first.date()}&to={first.date() + timedelta(days=5)}"
    every = page(client, key, before)
    assert "They can’t be filtered: only totals of these visits are kept." in words(every)
    assert "country=" not in every.text
    assert "These visits can’t be filtered" in words(page(client, key, f"{before}&country=DE"))


async def test_filters_look_through_a_bounded_number_of_visits(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    [key] = published_links(client, 1)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    await database.execute("UPDATE entry SET created_at = $1 WHERE key = $2", midnight - timedelta(days=25), key)
    for hours, people in ((20 * 24 - 23, 300_000), (5 * 24, 200_000), (3 * 24, 40_000)):
        at = midnight - timedelta(hours=hours)
        await insert_hour_counts(database, key, at, people=people)
        await database.executemany(INSERT_VISIT, [(at, key, "DE", None, False)] * 3)
    since = midnight - timedelta(days=19)

    assert "as far as the last 250,000 visits reach." in words(page(client, key))
    filtered = page(client, key, "?country=DE")
    assert f"Filtered from {since.day} {since:%b %Y}, 00:00 on" in words(filtered)
    assert panel(filtered, "country") == {"Germany": 6}
    day = (midnight - timedelta(days=20)).date()
    crowded = page(client, key, f"?period=custom&from={day}&to={day}&country=DE")
    assert "there are more than 250,000 in one hour" in words(crowded)


async def test_what_is_not_among_the_first_100_values_is_other(environment: Environment, client: httpx.Client) -> None:
    [key] = published_links(client, 1)
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    async with task_resources(environment) as resources, resources.sessions() as session:
        connection = await session.connection()
        rows = [(now, key, "DE", f"{n:03}.example", False) for n in range(105) for _ in range(1 + (n < 100))]
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.executemany(INSERT_VISIT, rows)
        buckets = Buckets([now, now + timedelta(minutes=30)], now + timedelta(hours=1))
        found = await filtered_visits.count_matching(session, key, buckets, {Dimension.COUNTRY: "DE"})

    assert found.by_bucket == {0: 205}
    values = found.values[Dimension.REFERRER]
    assert len(values) == 101
    assert (values[0].value, values[0].visits) == ("000.example", 2)
    assert (values[-1].value, values[-1].visits) == ("other", 5)
    assert [(each.value, each.visits) for each in found.values[Dimension.OS]] == [("unknown", 205)]


@pytest.mark.parametrize("kind", PAYLOADS)
async def test_hostile_values_filter_by_themselves_and_make_nothing_of_the_page(
    client: httpx.Client, database: asyncpg.Connection, kind: str
) -> None:
    [key] = published_links(client, 1)
    payload = PAYLOADS[kind][0]
    now = datetime.now(UTC)
    await insert_hour_counts(database, key, now.replace(minute=0, second=0, microsecond=0), people=1)
    value = "".join(sign for sign in payload if sign.isprintable())[:253]
    await database.execute(INSERT_VISIT, now, key, "DE", value, False)

    shown = page(client, key, f"?referrer={quote(payload)}&period={quote(payload)}")

    assert panel(shown, "country") == {"Germany": 1}
    assert re.findall(r"<script[^>]*>", shown.text) == re.findall(OUR_SCRIPT, shown.text)
    assert PageElements(shown.text).troubles == []


@pytest.mark.parametrize(
    "query",
    [
        "?country=%00", "?country=%ED%A0%80", f"?country={'A' * 9_000}", "?country=DE&country=FR", "?country=%E2%80%AE",
        "?device=mobile%27%20OR%20%271%27=%271", "?os[]=iOS", "?referrer=%25&browser=_", "?language=..%2F..%2Fetc",
    ],
)  # fmt: skip
async def test_odd_filters_match_nothing_or_are_none(
    client: httpx.Client, database: asyncpg.Connection, query: str
) -> None:
    [key] = published_links(client, 1)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    await insert_hour_counts(database, key, hour, people=1)
    await database.execute(INSERT_VISIT, hour, key, "DE", "a.example", False)

    shown = page(client, key, query)

    is_filtered = 'class="filters"' in shown.text
    assert (panel(shown, "country") == {}) is True
    assert ("Visits 0" in words(shown)) is is_filtered
