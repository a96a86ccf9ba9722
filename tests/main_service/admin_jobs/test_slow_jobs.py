"""However long slow tasks take, quick ones do not wait for them."""

from pathlib import Path

import asyncpg
import httpx

from tests.support.accounts import new_superuser
from tests.support.database import connected
from tests.support.engines import Environment
from tests.support.entries import create_link, manage_headers
from tests.support.visits import FIREFOX
from tests.support.waiting import eventually_async
from tests.support.workers import SLOW_QUEUE, main_worker, send_routed_tasks

SLOW_THREADS = 3


async def test_visits_are_counted_and_invalidations_replayed_while_every_slow_thread_is_held(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection, tmp_path: Path
) -> None:
    superuser = await new_superuser(archive_client, archive)
    link = create_link(archive_client)
    path = f"/api/v1/entries/{link['key']}"

    async def all_are_held() -> bool:
        question = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'slipbin' AND wait_event = 'relation'"
        )
        return bool(await archive.fetchval(question) == SLOW_THREADS)

    async def is_counted() -> bool:
        return bool(archive_client.get(path, headers=manage_headers(link)).json()["visit_count"] == 1)

    async def is_replayed() -> bool:
        return bool(await archive.fetchval("SELECT bool_and(applied_at IS NOT NULL) FROM stale_key"))

    with (
        main_worker(archive_environment, tmp_path / "quick") as quick,
        main_worker(archive_environment, tmp_path / "slow", kind=SLOW_QUEUE) as slow,
    ):
        quick.wait_for("ready")
        slow.wait_for("ready")
        async with connected(archive_environment) as holder, holder.transaction():
            # The clean-up needs it, and nothing else that happens here.
            await holder.execute("LOCK TABLE idempotency_key IN ACCESS EXCLUSIVE MODE")
            asked = archive_client.post("/api/v1/admin/cleanup", headers=superuser.headers).json()["id"]
            rounds = ("main_service.do_asked_work", *["main_service.clean_up"] * 6)
            send_routed_tasks(*rounds, environment=archive_environment)
            await eventually_async(all_are_held, "slow work that is held")

            assert archive_client.get(f"/{link['key']}", headers={"User-Agent": FIREFOX}).status_code == 302
            change = archive_client.patch(path, json={"title": "changed"}, headers=manage_headers(link))
            assert change.status_code == 200
            rounds = ("main_service.ingest_visits", "main_service.heal_copies")
            send_routed_tasks(*rounds, environment=archive_environment)

            await eventually_async(is_counted, "a counted visit")
            await eventually_async(is_replayed, "a replayed invalidation")
            task = archive_client.get(f"/api/v1/admin/tasks/{asked}", headers=superuser.headers).json()
            assert task["state"] == "running"
        slow.wait_for("is done")
