"""Asks for reports through the API, has them built, and opens what comes of it."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import openpyxl
from openpyxl.workbook import Workbook

from main_service.reports import tasks
from tests.support.accounts import User, new_user
from tests.support.engines import Environment
from tests.support.settings import task_resources

FIRST_DAY, LAST_DAY = date(2026, 3, 1), date(2026, 3, 31)


async def confirmed_user(client: httpx.Client, database: asyncpg.Connection) -> User:
    """A user whose address is confirmed."""
    user = new_user(client)
    await database.execute("UPDATE account SET is_verified = true WHERE email = $1", user.email)
    return user


async def backdate_entries(database: asyncpg.Connection, *keys: str, day: date = FIRST_DAY) -> None:
    """Let entries be as old as what is counted of them."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    await database.execute("UPDATE entry SET created_at = $2 WHERE key = ANY($1)", keys, at)


def report_order(first: date = FIRST_DAY, last: date = LAST_DAY, **fields: Any) -> dict[str, Any]:
    return {"from": str(first), "to": str(last), "format": "xlsx", **fields}


def order_report(client: httpx.Client, user: User, **fields: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/reports", json=report_order(**fields), headers=user.headers)
    assert answer.status_code == 202, answer.text
    report: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"http://slipbin.test/api/v1/reports/{report['id']}"
    return report


def get_report(client: httpx.Client, user: User, report: dict[str, Any]) -> dict[str, Any]:
    answer = client.get(f"/api/v1/reports/{report['id']}", headers=user.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def build_ordered_reports(environment: Environment) -> int:
    """A round of the task; how many reports it has made."""
    async with task_resources(environment) as resources:
        return await tasks.build_report(resources)


async def purge_reports(environment: Environment) -> int:
    async with task_resources(environment) as resources:
        return await tasks.purge_reports(resources)


def download_report(client: httpx.Client, user: User, report: dict[str, Any]) -> httpx.Response:
    return client.get(f"/api/v1/reports/{report['id']}/file", headers=user.headers)


async def ordered_file(client: httpx.Client, environment: Environment, user: User, **fields: Any) -> bytes:
    """The file of a report that is asked for and built now."""
    report = order_report(client, user, **fields)
    await build_ordered_reports(environment)
    assert get_report(client, user, report)["state"] == "ready"
    return download_report(client, user, report).content


def open_workbook(content: bytes) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def sheet_rows(workbook: Workbook, sheet: str) -> list[list[Any]]:
    """The values below the header."""
    return [list(row) for row in workbook[sheet].iter_rows(min_row=2, values_only=True)]


def csv_rows(content: bytes, name: str) -> list[list[str]]:
    """The rows of a file in the archive, its header included."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = archive.read(name).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def today() -> date:
    return datetime.now(UTC).date()


def days_ago(days: int) -> date:
    return today() - timedelta(days=days)


def report_path(environment: Environment, report: dict[str, Any]) -> Path:
    """The path of a report's file, where the store is a folder."""
    return Path(urlsplit(environment["MAIN_BODY_STORE_URL"]).path) / "files" / f"{report['id']}.file"
