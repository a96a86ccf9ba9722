"""Puts counts of visits where ingest would put them, and reads statistics through the API."""

from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import httpx

INSERT_HOUR_COUNTS = """
    INSERT INTO visit_hour (key, hour_at, people, bots, day_visitors) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (key, hour_at) DO UPDATE SET people = excluded.people, bots = excluded.bots
"""
INSERT_VALUE = "INSERT INTO visit_day_value (key, day, dimension, value, visits) VALUES ($1, $2, $3, $4, $5)"


def utc(text: str) -> datetime:
    """The instant of a text like `2026-03-29 01:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def insert_hour_counts(
    database: asyncpg.Connection, key: str, hour: str | datetime, *, people: int = 1, bots: int = 0, visitors: int = 1
) -> None:
    at = utc(hour) if isinstance(hour, str) else hour
    await database.execute(INSERT_HOUR_COUNTS, key, at, people, bots, visitors)
    statement = """
        UPDATE entry SET visit_count = visit_count + $2, bot_count = bot_count + $3,
               last_visit_at = greatest(last_visit_at, $4) WHERE key = $1
    """
    await database.execute(statement, key, people, bots, at)


async def insert_value_count(
    database: asyncpg.Connection, key: str, day: str, dimension: str, value: str, visits: int
) -> None:
    await database.execute(INSERT_VALUE, key, date.fromisoformat(day), dimension, value, visits)


def get_statistics(
    client: httpx.Client, key: str, headers: dict[str, str] | None = None, **query: Any
) -> dict[str, Any]:
    response = client.get(f"/api/v1/entries/{key}/stats", params=query, headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def get_history(client: httpx.Client, key: str, headers: dict[str, str] | None = None, **query: Any) -> dict[str, Any]:
    response = client.get(f"/api/v1/entries/{key}/history", params=query, headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer
