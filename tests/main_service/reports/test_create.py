"""Ordering reports, listing, downloading and deleting them: who may, and what is refused."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.support.accounts import PASSWORD, account_id_of, api_token_headers, new_user
from tests.support.collections import insert_collection
from tests.support.engines import Environment
from tests.support.reports import (
    FIRST_DAY,
    build_ordered_reports,
    confirmed_user,
    days_ago,
    download_report,
    get_report,
    order_report,
    purge_reports,
    report_order,
    report_path,
    today,
)


async def test_report_that_was_asked_for_waits_until_it_is_built(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)

    asked = order_report(client, user)

    assert asked == {
        "id": asked["id"], "state": "asked", "format": "xlsx", "from": "2026-03-01", "to": "2026-03-31",
        "collection_id": None, "collection": None, "asked_at": asked["asked_at"], "started_at": None,
        "finished_at": None, "expires_at": None, "size_bytes": None, "file_url": None, "failure": None,
    }  # fmt: skip
    refused = download_report(client, user, asked)
    assert (refused.status_code, refused.json()["code"]) == (409, "report_unfinished")
    await build_ordered_reports(environment)
    ready = get_report(client, user, asked)
    assert (ready["state"], ready["failure"]) == ("ready", None)
    assert ready["file_url"] == f"http://slipbin.test/api/v1/reports/{asked['id']}/file"
    in_order = [datetime.fromisoformat(ready[f"{step}_at"]) for step in ("asked", "started", "finished", "expires")]
    assert in_order == sorted(in_order)
    assert download_report(client, user, asked).status_code == 200
    assert await build_ordered_reports(environment) == 0


async def test_reports_are_listed_newest_first(client: httpx.Client, database: asyncpg.Connection) -> None:
    user, other = await confirmed_user(client, database), await confirmed_user(client, database)
    order_report(client, other)
    first, second = order_report(client, user), order_report(client, user, format="csv")

    listed = client.get("/api/v1/reports", headers=user.headers).json()

    assert [report["id"] for report in listed["items"]] == [second["id"], first["id"]]


async def test_only_who_confirmed_the_address_gets_reports(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = new_user(client)

    refused = client.post("/api/v1/reports", json=report_order(), headers=user.headers)

    assert (refused.status_code, refused.json()["code"]) == (403, "address_unconfirmed")
    assert "Confirm your email before you create reports" in refused.text


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"first": date(2026, 3, 2), "last": date(2026, 3, 1)}, "range_reversed"),
        ({"first": today() + timedelta(days=2), "last": today() + timedelta(days=3)}, "range_in_future"),
        ({"first": days_ago(400), "last": today()}, "range_too_long"),
        ({"first": date(1999, 12, 31)}, "day_out_of_range"),
        ({"from": "yesterday"}, "day_invalid"),
        ({"to": 1_700_000_000}, "day_invalid"),
        ({"format": "pdf"}, "enum"),
        ({"colection": "a"}, "extra_forbidden"),
    ],
)
async def test_order_that_makes_no_sense_is_refused(
    client: httpx.Client, database: asyncpg.Connection, fields: dict[str, Any], code: str
) -> None:
    user = await confirmed_user(client, database)

    refused = client.post("/api/v1/reports", json=report_order(**fields), headers=user.headers)

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, code)
    assert client.get("/api/v1/reports", headers=user.headers).json() == {"items": []}


async def test_400_days_are_not_too_long(client: httpx.Client, database: asyncpg.Connection) -> None:
    order_report(client, await confirmed_user(client, database), first=days_ago(399), last=today())


async def test_collection_of_another_user_is_not_found(client: httpx.Client, database: asyncpg.Connection) -> None:
    user, other = await confirmed_user(client, database), await confirmed_user(client, database)
    theirs = await insert_collection(database, account_id_of(client, other), name="theirs")

    for collection in (str(theirs), "theirs", str(uuid4()), "no such"):
        refused = client.post("/api/v1/reports", json=report_order(collection=collection), headers=user.headers)
        assert (refused.status_code, refused.json()["detail"]) == (404, "You have no such collection.")


async def test_few_reports_of_a_user_wait_at_a_time(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = await confirmed_user(client, database)
    reports = [order_report(client, user) for _ in range(3)]

    refused = client.post("/api/v1/reports", json=report_order(), headers=user.headers)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_reports_waiting")
    assert refused.headers["retry-after"] == "60"
    order_report(client, await confirmed_user(client, database))
    client.delete(f"/api/v1/reports/{reports[0]['id']}", headers=user.headers).raise_for_status()
    order_report(client, user)


async def test_a_user_has_at_most_50_reports_that_have_not_expired(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)
    await database.execute(
        """
        INSERT INTO report (id, owner_id, format, first_day, last_day, started_at, finished_at, size_bytes, expires_at)
        SELECT gen_random_uuid(), $1, 'csv', $2, $2, now(), now(), 1, now() + make_interval(days => n / 2)
          FROM generate_series(1, 51) AS n
        """,
        account_id_of(client, user),
        FIRST_DAY,
    )

    refused = client.post("/api/v1/reports", json=report_order(), headers=user.headers)

    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_reports")
    await database.execute(
        "DELETE FROM report WHERE id IN (SELECT id FROM report WHERE owner_id = $1 AND expires_at > now() LIMIT 1)",
        account_id_of(client, user),
    )
    order_report(client, user)


async def test_token_that_may_only_read_follows_and_fetches(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)
    reading = api_token_headers(client, user, "read")
    report = order_report(client, user)
    await build_ordered_reports(environment)
    address = f"/api/v1/reports/{report['id']}"

    asked_again = client.post("/api/v1/reports", json=report_order(), headers=reading)
    for refused in (asked_again, client.delete(address, headers=reading)):
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    for read in ("/api/v1/reports", address, f"{address}/file"):
        assert client.get(read, headers=reading).status_code == 200


async def test_report_of_another_user_is_not_found(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user, other = await confirmed_user(client, database), await confirmed_user(client, database)
    report = order_report(client, user)
    await build_ordered_reports(environment)
    address = f"/api/v1/reports/{report['id']}"

    for method, path in (("GET", address), ("GET", f"{address}/file"), ("DELETE", address)):
        assert client.request(method, path, headers=other.headers).status_code == 404
        assert client.request(method, path).json()["code"] == "sign_in_required"
    assert download_report(client, user, report).status_code == 200


async def test_deleted_report_is_gone_with_its_file(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)
    report = order_report(client, user)
    await build_ordered_reports(environment)
    assert report_path(environment, report).exists()

    assert client.delete(f"/api/v1/reports/{report['id']}", headers=user.headers).status_code == 204

    assert download_report(client, user, report).status_code == 404
    assert client.get("/api/v1/reports", headers=user.headers).json() == {"items": []}
    assert not report_path(environment, report).exists()
    await purge_reports(environment)
    assert await database.fetchval("SELECT count(*) FROM report WHERE id = $1", report["id"]) == 0


async def test_deleted_report_is_not_built(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)
    await build_ordered_reports(environment)
    report = order_report(client, user)
    client.delete(f"/api/v1/reports/{report['id']}", headers=user.headers).raise_for_status()

    assert await build_ordered_reports(environment) == 0
    assert not report_path(environment, report).exists()


async def test_file_goes_with_its_time_and_the_report_says_so_for_30_days(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)
    report, lasting = order_report(client, user), order_report(client, user)
    await build_ordered_reports(environment)
    expire = "UPDATE report SET expires_at = now() - $2::interval WHERE id = $1"
    await database.execute(expire, report["id"], timedelta(seconds=1))

    for _ in range(2):
        expired = get_report(client, user, report)
        assert (expired["state"], expired["file_url"]) == ("expired", None)
        refused = download_report(client, user, report)
        assert (refused.status_code, refused.json()["code"]) == (410, "report_expired")
        await purge_reports(environment)
    assert not report_path(environment, report).exists()
    assert report_path(environment, lasting).exists()
    await database.execute(expire, report["id"], timedelta(days=30))
    await purge_reports(environment)
    assert client.get(f"/api/v1/reports/{report['id']}", headers=user.headers).status_code == 404
    assert download_report(client, user, lasting).status_code == 200


async def test_file_goes_with_the_account(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)
    report, waiting = order_report(client, user), None
    await build_ordered_reports(environment)
    waiting = order_report(client, user)

    body = {"password": PASSWORD, "entries": "delete"}
    client.request("DELETE", "/api/v1/users/me", json=body, headers=user.headers).raise_for_status()
    assert await build_ordered_reports(environment) == 0
    await purge_reports(environment)

    assert not report_path(environment, report).exists()
    rows = "SELECT count(*) FROM report WHERE id = ANY($1::uuid[])"
    assert await database.fetchval(rows, [report["id"], waiting["id"]]) == 0


async def test_file_that_the_store_has_lost_has_expired(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(client, database)
    report = order_report(client, user)
    await build_ordered_reports(environment)
    report_path(environment, report).unlink()

    assert download_report(client, user, report).json()["code"] == "report_expired"
