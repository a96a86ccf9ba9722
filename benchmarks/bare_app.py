"""What FastAPI alone can do: a redirect from a dict, and a create that stores nothing.

Request and answer have the shape of Slipbin's own. BENCHMARK_LINKS names a JSON file of keys and addresses.
"""

import json
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI, HTTPException
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, HttpUrl

PUBLIC_URL = "http://127.0.0.1"

_links: dict[str, str] = json.loads(Path(os.environ["BENCHMARK_LINKS"]).read_text())

app = FastAPI()


class LinkIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    original_url: HttpUrl
    title: Annotated[str, Field(max_length=200)] | None = None
    expires_in: Annotated[int, Field(ge=1)] | None = None


class LinkOut(BaseModel):
    key: str
    kind: Literal["link"] = "link"
    url: str
    short_url: str
    original_url: str
    title: str | None
    visibility: str = "unlisted"
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    manage_token: str


@app.post("/api/v1/links", status_code=201)
async def create_link(link: LinkIn) -> LinkOut:
    key = secrets.token_urlsafe(5)
    now = datetime.now(UTC)
    return LinkOut(
        key=key,
        url=f"{PUBLIC_URL}/{key}",
        short_url=f"{PUBLIC_URL}/{key}",
        original_url=str(link.original_url),
        title=link.title,
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(seconds=link.expires_in or 86_400),
        manage_token=secrets.token_urlsafe(32),
    )


@app.get("/{key}")
async def follow(key: str) -> RedirectResponse:
    address = _links.get(key)
    if address is None:
        raise HTTPException(404)
    return RedirectResponse(address, status_code=302, headers={"Cache-Control": "private, no-store"})
