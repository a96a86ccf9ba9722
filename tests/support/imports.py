"""Orders imports through the API, and has them run."""

import io
import json
import zipfile
from typing import Any

import httpx

from main_service.transfer import tasks
from tests.support.accounts import User
from tests.support.engines import Environment
from tests.support.settings import task_resources


def order_import(
    client: httpx.Client, user: User, content: bytes, file_format: str, *, name: str = "export", **fields: str
) -> dict[str, Any]:
    answer = client.post(
        "/api/v1/imports",
        data={"format": file_format, **fields},
        files={"file": (name, content)},
        headers=user.headers,
    )
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def run_imports(environment: Environment) -> int:
    """A round of the task; how many imports are over."""
    async with task_resources(environment) as resources:
        return await tasks.run_imports(resources)


def get_import(client: httpx.Client, user: User, job: dict[str, Any]) -> dict[str, Any]:
    answer = client.get(f"/api/v1/imports/{job['id']}", headers=user.headers)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def lines_of(client: httpx.Client, user: User, job: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/imports/{job['id']}/lines", headers=user.headers)
    assert answer.status_code == 200
    return [json.loads(line) for line in answer.text.splitlines()]


def zip_of(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()
