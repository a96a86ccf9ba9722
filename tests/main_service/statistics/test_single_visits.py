"""Single visits, the latest first: of many, those that can't be on a page are passed over."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import uuid4

import asyncpg
import pytest

from main_service.statistics import single_visits
from main_service.statistics.single_visits import FEW_MORE, SingleVisits
from main_service.visits.models import visit
from tests.support.engines import Environment
from tests.support.settings import task_resources

NOW = datetime.now(UTC).replace(microsecond=0)
AGES = [
    # Many at once, some every hour, and some long ago.
    *(timedelta(minutes=40, milliseconds=10 * number) for number in range(150)),
    *(timedelta(hours=number) for number in range(1, 100)),
    *(timedelta(days=20 * number) for number in range(1, 30)),
]


@pytest.fixture
async def visited(database: asyncpg.Connection) -> list[tuple[str, datetime, bool]]:
    """Visits to ten entries, the latest first."""
    mark = uuid4().hex[:8]
    visits = [(f"{mark}{number % 10}", NOW - age, number % 7 == 0) for number, age in enumerate(sorted(AGES))]
    await database.copy_records_to_table("visit", records=visits, columns=["key", "visited_at", "is_bot"])
    return visits


async def test_pages_of_many_visits_are_those_of_all_of_them(
    environment: Environment, visited: list[tuple[str, datetime, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_visits, "SORTED_AT_ONCE", 5)
    keys = sorted({key for key, *_ in visited})
    async with task_resources(environment) as resources, resources.sessions() as session:
        for offset, limit, with_bots, last_at in product((0, 140, 260), (1, 20), (True, False), (None, NOW - AGES[-9])):
            expected = [
                each for each in visited if (with_bots or not each[2]) and (last_at is None or each[1] <= last_at)
            ]
            page = await SingleVisits(session=session).list_page(
                keys, with_bots=with_bots, last_at=last_at, offset=offset, limit=limit
            )
            listed = [(each.key, each.visited_at, each.is_bot) for each in page.visits]
            assert listed == expected[offset : offset + limit]


async def test_few_more_are_sorted_than_are_on_the_page(
    environment: Environment, visited: list[tuple[str, datetime, bool]]
) -> None:
    conditions = [visit.c.key.in_({key for key, *_ in visited})]
    async with task_resources(environment) as resources, resources.sessions() as session:
        for number in (1, 20, 100, 200):
            begins_at = await SingleVisits(session=session)._beginning_of(number, conditions, until=NOW)
            assert number <= sum(at >= begins_at for _, at, _ in visited) < FEW_MORE * number
