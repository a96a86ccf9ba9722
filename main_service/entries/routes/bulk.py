"""The route of the JSON API that creates many entries: JSON Lines in, JSON Lines out."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from itertools import islice
from typing import Any

from fastapi import Request, Response
from pydantic import ValidationError

from main_service.accounts.bearer_auth import TOKEN_OR_NONE, find_writer_or_guest
from main_service.accounts.errors import AddressUnconfirmedError, ScopeMissingError, TokenInvalidError
from main_service.accounts.models import Account
from main_service.entries.dependencies import IdempotencyKeyHeader, entry_factory_of, idempotency_scope_of
from main_service.entries.errors import TooManyLinesError
from main_service.entries.factory import EntryFactory
from main_service.entries.idempotency import IdempotentRequest
from main_service.entries.schemas import LinkIn, PasteIn
from main_service.entries.serializers import created_link_out, created_paste_out
from main_service.errors import (
    AppError,
    BodyTooLargeError,
    DatabaseUnavailableError,
    InvalidInputError,
    TextTooLargeError,
    UnavailableError,
)
from main_service.monitoring.metrics import REFUSALS
from main_service.web.bodies.json import INLINE_BYTES, read_json
from main_service.web.bodies.json_lines import Line, read_lines
from main_service.web.bodies.limits import BULK_PATH, text_body_bytes
from main_service.web.bodies.long_strings import StringTooLongError
from main_service.web.json_api import JsonRouter
from main_service.web.problems import InternalError, drop_tracebacks, field_errors, problem_of

logger = logging.getLogger(__name__)

MAX_LINES = 1_000
MAX_FAULTS = 20
"""The most faults of a line that are told: a line with hundreds of unknown names has as many."""
LINES_AT_ONCE = 20
BYTES_AT_ONCE = 1024 * 1024
"""So many lines are created at the same time, which share an INSERT; of long ones fewer, as they are in memory."""

MEDIA_TYPE = "application/jsonl"

router = JsonRouter(
    tags=["entries"],
    errors=[
        BodyTooLargeError,
        DatabaseUnavailableError,
        InternalError,
        AddressUnconfirmedError,
        ScopeMissingError,
        TokenInvalidError,
    ],
)

_LINES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        "description": "A line for each entry: the JSON object that creates a paste or a link.",
    }
}


@router.post(
    BULK_PATH,
    summary="Create many entries",
    openapi_extra={**TOKEN_OR_NONE, **_LINES},
    response_class=Response,
    responses={
        200: {
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
            "description": "A line for each line, in the same order.",
        },
    },
)
async def create_many(request: Request, idempotency_key: IdempotencyKeyHeader = None) -> Response:
    """At most 1,000 lines and 64 MiB. What has `text` makes a paste, what has `original_url` or `url` a link.

    Each line is created or refused by itself, and counts against the limits. Its answer is a JSON object: `line` (its
    number, from 1), `status` (201, or that of the problem), and `entry` or `problem`; with 429, `retry_after` in
    seconds. With `Idempotency-Key`, what was created is not created again.
    """
    account = await find_writer_or_guest(request)
    entries = entry_factory_of(request)
    # Before anything is read: what would refuse every line refuses the request.
    entries.creator(account)
    scope = None if idempotency_key is None else idempotency_scope_of(request, account)
    answers: list[bytes] = []
    is_away = False
    async for window in _windows(request, max_text_bytes=entries.settings.max_text_bytes):
        if is_away:
            # After an engine is found unavailable, the other lines must not wait for it, too.
            made = [_refused(asked.number, UnavailableError()) for asked in window]
        else:
            made = await asyncio.gather(
                *(_answer(entries, account, asked, asked.idempotency(scope, idempotency_key)) for asked in window)
            )
        is_away = is_away or any(answer["status"] == HTTPStatus.SERVICE_UNAVAILABLE for answer in made)
        for answer in made:
            answers.append(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
            await asyncio.sleep(0)
    return Response(b"".join(answers), media_type=MEDIA_TYPE)


@dataclass(frozen=True)
class _Asked:
    """A line that was read: what it asks for, or why not."""

    number: int
    entry: PasteIn | LinkIn | AppError
    size_bytes: int
    digest: bytes

    @property
    def alias(self) -> str | None:
        return None if isinstance(self.entry, AppError) else self.entry.alias

    def idempotency(self, scope: bytes | None, key: str | None) -> IdempotentRequest | None:
        # Clients' keys have no spaces, so this can't be the key of another request.
        return None if scope is None else IdempotentRequest(scope, f"{key} {self.number}", self.digest)


async def _windows(request: Request, *, max_text_bytes: int) -> AsyncIterator[list[_Asked]]:
    """Groups of lines that are created together. No group has an alias twice, so that the first line gets it."""
    window: list[_Asked] = []
    count = size_bytes = 0
    async for number, line in read_lines(request, max_line_bytes=text_body_bytes(max_text_bytes)):
        count += 1
        if count > MAX_LINES:
            window.append(_Asked(number, TooManyLinesError(), 0, b""))
            break
        asked = await _read(number, line, max_text_bytes=max_text_bytes)
        is_full = len(window) >= LINES_AT_ONCE or size_bytes >= BYTES_AT_ONCE
        if is_full or (asked.alias and any(asked.alias == other.alias for other in window)):
            yield window
            window, size_bytes = [], 0
        # Others have their turn: a line may have hundreds of faults.
        await asyncio.sleep(0)
        window.append(asked)
        size_bytes += asked.size_bytes
    if window:
        yield window


async def _read(number: int, line: Line, *, max_text_bytes: int) -> _Asked:
    if isinstance(line, AppError):
        return _Asked(number, line, 0, b"")
    entry: PasteIn | LinkIn | AppError
    try:
        value = await read_json(line, max_characters=max_text_bytes)
        entry = _schema_of(value).model_validate(value)
    except StringTooLongError:
        entry = TextTooLargeError(max_text_bytes)
    except json.JSONDecodeError as error:
        entry = InvalidInputError(f"{error.msg}.")
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        entry = InvalidInputError(
            fields=field_errors({**each, "loc": ("body", *each["loc"])} for each in islice(faults, MAX_FAULTS))
        )
    return _Asked(number, entry, len(line), await _digest(line))


async def _digest(line: bytes) -> bytes:
    if len(line) <= INLINE_BYTES:
        return sha256(line).digest()
    return (await asyncio.to_thread(sha256, line)).digest()


def _schema_of(value: Any) -> type[PasteIn | LinkIn]:
    """What an object asks for. With both a text and a URL it is a paste that has a field too many."""
    return PasteIn if isinstance(value, dict) and "text" in value else LinkIn


async def _answer(
    entries: EntryFactory, account: Account | None, asked: _Asked, idempotency: IdempotentRequest | None
) -> dict[str, Any]:
    """Create what a line asks for; the answer to it."""
    if isinstance(asked.entry, AppError):
        return _refused(asked.number, asked.entry)
    try:
        entry = await _create(entries, account, asked.entry, idempotency)
    except AppError as error:
        drop_tracebacks(error)
        return _refused(asked.number, error)
    except Exception as error:
        # A bug in one line must not hide the answers to the others, whose entries have been created.
        logger.exception("Line %d of many failed", asked.number)
        drop_tracebacks(error)
        return _refused(asked.number, InternalError())
    return {"line": asked.number, "status": HTTPStatus.CREATED.value, "entry": entry}


async def _create(
    entries: EntryFactory, account: Account | None, asked: PasteIn | LinkIn, idempotency: IdempotentRequest | None
) -> Mapping[str, Any]:
    creator = entries.creator(account)
    if isinstance(asked, PasteIn):
        text = asked.text.encode()
        paste = await creator.create_paste(asked.new_entry(), text=text, idempotency=idempotency)
        token = entries.manage_tokens.token_of(paste)
        return created_paste_out(paste, entries.public_url, token).model_dump(mode="json")
    link = await creator.create_link(asked.new_entry(), idempotency=idempotency)
    token = entries.manage_tokens.token_of(link)
    return created_link_out(link, entries.public_url, token).model_dump(mode="json")


def _refused(number: int, error: AppError) -> dict[str, Any]:
    REFUSALS.labels(error.code).inc()
    answer = {"line": number, "status": error.status, "problem": problem_of(error)}
    if "Retry-After" in error.headers:
        answer["retry_after"] = int(error.headers["Retry-After"])
    return answer
