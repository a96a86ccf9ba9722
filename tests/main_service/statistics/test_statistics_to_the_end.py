"""An entry's figures before and after its end: nothing of them is lost, and who comes too late is none of them."""

from datetime import datetime
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.accounts import new_user
from tests.support.engines import Environment
from tests.support.entries import Headers, create_link, create_paste, manage_headers
from tests.support.statistics import get_history, get_statistics
from tests.support.visits import FIREFOX, ingest

ENDS = ["deleted", "expired", "viewed"]
VIEWS = 5
BOT = "python-requests/2.32.3"


def visit(client: httpx.Client, path: str, user_agent: str = FIREFOX) -> int:
    """Visit an entry; where views are limited, this spends one without being asked."""
    return client.get(path, headers={"User-Agent": user_agent, "X-Reveal": "1"}).status_code


async def end(client: httpx.Client, database: asyncpg.Connection, key: str, headers: Headers, how: str) -> None:
    """What has a view limit has ended with its last view."""
    if how == "deleted":
        client.delete(f"/api/v1/entries/{key}", headers=headers).raise_for_status()
    elif how == "expired":
        # Readers must not find it in Redis with the end that it had before.
        client.patch(f"/api/v1/entries/{key}", json={"title": "Its last"}, headers=headers).raise_for_status()
        await database.execute("UPDATE entry SET expires_at = now() WHERE key = $1", key)


def figures(client: httpx.Client, key: str, headers: Headers) -> dict[str, Any]:
    told = get_statistics(client, key, headers)
    moments = get_history(client, key, headers)["items"]
    assert sum(moment["visit_count"] for moment in moments) == told["visit_count"]
    assert sum(moment["bot_count"] for moment in moments) == told["bot_count"]
    assert sum(browser["visits"] for browser in told["browsers"]) == told["visit_count"]
    return told


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("kind", ["link", "paste"])
async def test_figures_outlive_the_entry_and_hold_its_last_visits(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection, kind: str, how: str
) -> None:
    owner = new_user(client)
    create = create_link if kind == "link" else create_paste
    limit = {"views": VIEWS} if how == "viewed" else {}
    key = create(client, headers=owner.headers, **limit)["key"]
    path, status = (f"/{key}", 302) if kind == "link" else (f"/{key}/raw", 200)
    assert [visit(client, path) for _ in range(3)] == [status] * 3
    assert visit(client, path, BOT) == status
    await ingest(environment)
    before = figures(client, key, owner.headers)
    assert (before["visit_count"], before["bot_count"]) == (3, 1)

    # This one is not counted yet when the entry ends.
    assert visit(client, path) == status
    await end(client, database, key, owner.headers, how)
    # The code of an address that leads nowhere any more is not drawn.
    assert figures(client, key, owner.headers) == before | {"qr_url": None}
    assert [visit(client, path, agent) for agent in (FIREFOX, BOT)] == [410] * 2
    await ingest(environment)

    after = figures(client, key, owner.headers)
    assert (after["visit_count"], after["bot_count"]) == (4, 1)
    assert datetime.fromisoformat(after["last_visit_at"]) >= datetime.fromisoformat(before["last_visit_at"])
    counted = ("visit_count", "bot_count", "last_visit_at", "unique_visitors")
    breakdowns = ("countries", "devices", "browsers", "systems", "languages", "referrers")
    same = before.keys() - {*counted, *breakdowns, "qr_url"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    sums = client.get("/api/v1/stats/me", headers=owner.headers).json()
    assert (sums["entries"], sums["live_entries"], sums["visit_count"], sums["bot_count"]) == (1, 0, 4, 1)


@pytest.mark.parametrize("how", ["deleted", "expired"])
async def test_guest_sees_the_figures_after_the_end_by_the_manage_token(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection, how: str
) -> None:
    link = create_link(client)
    assert visit(client, f"/{link['key']}") == 302
    await end(client, database, link["key"], manage_headers(link), how)
    await ingest(environment)

    assert figures(client, link["key"], manage_headers(link))["visit_count"] == 1
    assert client.get(f"/api/v1/entries/{link['key']}/stats").status_code == 410
