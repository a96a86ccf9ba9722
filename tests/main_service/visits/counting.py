"""Puts counts of visits where ingest would put them, for tests of what is shown of them."""

from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import httpx

HOURS = """
    INSERT INTO visit_hour (key, hour_at, people, bots, day_visitors) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (key, hour_at) DO UPDATE SET people = excluded.people, bots = excluded.bots
"""
VALUES = "INSERT INTO visit_day_value (key, day, dimension, value, visits) VALUES ($1, $2, $3, $4, $5)"


def utc(text: str) -> datetime:
    """Of `2026-03-29 01:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def count_hour(
    database: asyncpg.Connection, key: str, hour: str | datetime, *, people: int = 1, bots: int = 0, visitors: int = 1
) -> None:
    at = utc(hour) if isinstance(hour, str) else hour
    await database.execute(HOURS, key, at, people, bots, visitors)
    statement = """
        UPDATE entry SET visit_count = visit_count + $2, bot_count = bot_count + $3,
               last_visit_at = greatest(last_visit_at, $4) WHERE key = $1
    """
    await database.execute(statement, key, people, bots, at)


async def count_value(
    database: asyncpg.Connection, key: str, day: str, dimension: str, value: str, visits: int
) -> None:
    await database.execute(VALUES, key, date.fromisoformat(day), dimension, value, visits)


def stats(client: httpx.Client, key: str, headers: dict[str, str] | None = None, **query: Any) -> dict[str, Any]:
    response = client.get(f"/api/v1/entries/{key}/stats", params=query, headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def history(client: httpx.Client, key: str, headers: dict[str, str] | None = None, **query: Any) -> dict[str, Any]:
    response = client.get(f"/api/v1/entries/{key}/history", params=query, headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer
