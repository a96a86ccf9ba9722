"""Makes entries through the API for tests about something else."""

from typing import Any
from uuid import uuid4

import httpx

Headers = dict[str, str]


def create_paste(client: httpx.Client, *, headers: Headers | None = None, **fields: Any) -> dict[str, Any]:
    return _create(client, "/api/v1/pastes", {"text": "some text\n", **fields}, headers)


def create_link(client: httpx.Client, *, headers: Headers | None = None, **fields: Any) -> dict[str, Any]:
    return _create(client, "/api/v1/links", {"original_url": "https://example.org/target", **fields}, headers)


def new_alias() -> str:
    return f"alias-{uuid4().hex[:12]}"


def managing(entry: dict[str, Any]) -> dict[str, str]:
    """The header that lets change an entry."""
    return {"X-Manage-Token": entry["manage_token"]}


def _create(client: httpx.Client, path: str, body: dict[str, Any], headers: Headers | None) -> dict[str, Any]:
    response = client.post(path, json=body, headers=headers)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created
