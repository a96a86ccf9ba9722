"""The periods of the statistics page in their time zones: their figures, their links, and what can't be one."""

import html
import re
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from tests.support.entries import create_link, manage_headers
from tests.support.pages import BROWSER, visible_text
from tests.support.statistics import insert_hour_counts

COLUMN = re.compile(r"<title>[^<]*: ([1-9][0-9,]*) visits?[^<]*</title>")
"""How many visits a column says."""


def published_link(client: httpx.Client) -> str:
    """A link whose statistics everyone may see."""
    link = create_link(client)
    change = {"has_public_statistics": True}
    client.patch(f"/api/v1/entries/{link['key']}", json=change, headers=manage_headers(link)).raise_for_status()
    key: str = link["key"]
    return key


@pytest.fixture
async def published(client: httpx.Client, database: asyncpg.Connection) -> str:
    """A link with 7 visits in this hour, whose statistics everyone may see."""
    key = published_link(client)
    hour = await database.fetchval("SELECT date_trunc('hour', now())")
    await insert_hour_counts(database, key, hour, people=7)
    return key


def page(client: httpx.Client, key: str, query: str = "", *, status: int = 200) -> httpx.Response:
    response = client.get(f"/{key}/stats{query}", headers=BROWSER)
    assert response.status_code == status, response.text
    return response


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles", "Asia/Kolkata"])
def test_every_period_shows_the_visits_of_this_hour(client: httpx.Client, published: str, zone: str) -> None:
    for period in ("24h", "7d", "30d", "90d", "all", "custom", "none", ""):
        shown = page(client, published, f"?period={period}&tz={zone}").text

        assert COLUMN.findall(shown) == ["7"]
        assert f'value="{zone}"' in shown


async def test_whole_life_begins_with_the_hour_in_which_the_entry_was_made(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    key = published_link(client)
    # In India, half an hour off, the next day has begun; the hour of its first visit began on the day before.
    created_at = datetime(2023, 5, 1, 18, 40, tzinfo=UTC)
    await database.execute("UPDATE entry SET created_at = $1 WHERE key = $2", created_at, key)
    await insert_hour_counts(database, key, created_at.replace(minute=0), people=7)

    shown = page(client, key, "?period=all&tz=Asia/Kolkata").text

    assert COLUMN.findall(shown) == ["7"]


@pytest.mark.parametrize("zone", ["<b>Mars", "../../etc/passwd", "Europe/Berlin%00", "a" * 9000, "%ED%A0%80"])
def test_unknown_time_zone_is_said_and_utc_shown(client: httpx.Client, published: str, zone: str) -> None:
    shown = page(client, published, f"?tz={zone}", status=422)

    assert "a time zone. Use a name such as" in shown.text
    assert "Hours in UTC" in visible_text(shown)
    assert "<b>Mars" not in shown.text
    # The links lead to no error.
    assert "tz=" not in "".join(re.findall(r'href="([^"]*)"', shown.text))


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        ("2026-02-02", "2026-02-01", "The range ends before it begins."),
        ("9000-01-01", "", "The period begins in the future."),
        ("1999-12-31", "", "Give a day from the year 2000 on."),
        ("0000-00-00", "", "Give a day, such as 2030-01-31."),
        ("2026-02-30", "", "Give a day, such as 2030-01-31."),
        ("", "<b>Mars", "Give a day, such as 2030-01-31."),
        ("١٢٣٤-٠١-٠١", "", "Give a day, such as 2030-01-31."),
        ("2000-01-01", "2026-01-01", "Choose at most 3,660 days."),
    ],
)
def test_days_that_make_no_period_are_said_at_their_field(
    client: httpx.Client, published: str, first: str, last: str, sentence: str
) -> None:
    shown = page(client, published, f"?period=custom&from={first}&to={last}", status=422)

    assert visible_text(shown).count(sentence) == 2
    assert "<b>Mars" not in shown.text
    assert COLUMN.findall(shown.text) == ["7"]


def test_links_and_forms_keep_what_was_chosen(client: httpx.Client, published: str) -> None:
    query = "?period=custom&from=2020-01-01&to=&tz=UTC"
    shown = html.unescape(page(client, published, f"{query}&country=DE&os=iOS").text)

    address = f"/{published}/stats"
    assert f'href="{address}?period=7d&tz=UTC&country=DE&os=iOS"' in shown
    assert f'href="{address}?period=custom&from=2020-01-01&tz=UTC&os=iOS"' in shown
    assert f'href="{address}?period=custom&from=2020-01-01&tz=UTC&country=DE"' in shown
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', shown)
    kept = [("period", "custom"), ("country", "DE"), ("os", "iOS")]
    assert sorted(hidden) == sorted([*kept, ("tz", "UTC"), *kept, ("from", "2020-01-01")])


def test_days_of_ones_choice_begin_with_those_that_are_shown(client: httpx.Client, published: str) -> None:
    shown = page(client, published, "?period=custom&tz=UTC").text

    today = datetime.now(UTC).date()
    days = re.findall(r'<input id="(?:from|to)" [^>]*value="([^"]*)"', shown)
    assert days in ([str(today)] * 2, [str(today - timedelta(days=1)), str(today)])
    assert "<input" not in re.findall(r"<main.*?<form", page(client, published).text, re.DOTALL)[0]


async def test_figures_of_a_period_stand_beside_those_of_the_one_before(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    key = published_link(client)
    noon = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    await database.execute("UPDATE entry SET created_at = $1 WHERE key = $2", noon - timedelta(days=100), key)
    # In the last 7 days 50 visits of people, in the 7 before 40, and in the 30 days before none.
    for days, people, bots, visitors in ((0, 20, 0, 9), (6, 30, 3, 6), (7, 15, 3, 5), (13, 25, 0, 7)):
        at = noon - timedelta(days=days)
        await insert_hour_counts(database, key, at, people=people, bots=bots, visitors=visitors)

    def figures(query: str) -> list[str]:
        [listed] = re.findall(r'<dl class="figures">(.*?)</dl>', page(client, key, query).text, re.DOTALL)
        return [" ".join(re.sub(r"<[^>]*>", " ", each).split()) for each in listed.split("</div>")[:-1]]

    assert figures("?period=7d") == [
        "Visits 50 +25 % 25 % more than the 40 of the period before",
        "Daily visitors 15 +25 % 25 % more than the 12 of the period before",
        figures("?period=7d")[2],
        "Crawler visits 3 no change the same as in the period before",
    ]
    assert figures("?period=7d")[2].startswith("Visits per day ")
    month = figures("?period=30d")
    assert [month[0], month[1], month[3]] == [
        "Visits 90 new none in the period before",
        "Daily visitors 27 new none in the period before",
        "Crawler visits 6 new none in the period before",
    ]
    day = noon - timedelta(days=6)
    only = figures(f"?period=custom&from={day.date()}&to={day.date()}")
    assert only[0] == "Visits 30 +100 % 100 % more than the 15 of the period before"
    # 60 days ago it was there, 180 days ago it was not.
    assert figures("?period=90d")[0] == "Visits 90"
    assert figures("?period=all")[0] == "Visits 90"
