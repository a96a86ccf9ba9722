"""The JSON API of imports."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from main_service.accounts.bearer_auth import AccountDep, WriterDep
from main_service.accounts.errors import AddressUnconfirmedError, ScopeMissingError, TokenInvalidError
from main_service.entries.dependencies import IdempotencyKeyHeader, idempotency_scope_of
from main_service.entries.errors import IdempotencyKeyReusedError
from main_service.entries.idempotency import IdempotentRequest
from main_service.errors import (
    BodyStoreUnavailableError,
    DatabaseUnavailableError,
    NotFoundError,
    SignInRequiredError,
    StorageFullError,
)
from main_service.transfer.dependencies import ImportFactoryDep
from main_service.transfer.errors import (
    ImportFinishedError,
    ImportTooLargeError,
    TooManyImportsError,
    TooManyImportsWaitingError,
    TooManyUploadsError,
)
from main_service.transfer.formats import ImportFormat
from main_service.transfer.schemas import ImportOut, ImportsOut
from main_service.transfer.serializers import LINES_TYPE, PREFIX, import_out, lines_response
from main_service.transfer.upload_form import read_upload
from main_service.web.json_api import JsonRouter
from main_service.web.problems import InternalError

router = JsonRouter(
    prefix=PREFIX,
    tags=["imports"],
    errors=[SignInRequiredError, TokenInvalidError, DatabaseUnavailableError, InternalError],
)

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "format"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "minLength": 1},
                        "format": {"type": "string", "enum": [each.value for each in ImportFormat]},
                        "dry_run": {"type": "boolean", "default": False},
                    },
                }
            }
        },
    }
}


@router.post(
    "",
    status_code=202,
    summary="Import a file",
    openapi_extra=_FORM,
    errors=[
        ScopeMissingError,
        AddressUnconfirmedError,
        TooManyImportsError,
        TooManyImportsWaitingError,
        TooManyUploadsError,
        IdempotencyKeyReusedError,
        NotFoundError,
        ImportTooLargeError,
        StorageFullError,
        BodyStoreUnavailableError,
    ],
)
async def import_file(
    request: Request,
    account: WriterDep,
    factory: ImportFactoryDep,
    response: Response,
    idempotency_key: IdempotencyKeyHeader = None,
) -> ImportOut:
    """Entries of another service become mine, in the background. Keys are kept where they are free, and dates always.

    What was imported before, or is mine here anyway, isn't imported again. A dry run says what would become of each
    item, and changes nothing.
    """
    repeatable = None
    if idempotency_key is not None:
        repeatable = IdempotentRequest(idempotency_scope_of(request, account), idempotency_key, b"")
    await factory.imports.require_allowed(account.id, repeatable)
    async with read_upload(request, account.id, max_bytes=factory.limits.max_bytes) as upload:
        job = await factory.imports.order(
            account.id,
            upload.path,
            size_bytes=upload.size_bytes,
            name=upload.name,
            file_format=upload.format,
            is_dry_run=upload.is_dry_run,
            idempotency=repeatable and replace(repeatable, body_digest=await upload.digest()),
        )
    response.headers["Location"] = f"{factory.public_url}{PREFIX}/{job.id}"
    return import_out(job, factory.public_url)


@router.get("", summary="List my imports")
async def list_imports(account: AccountDep, factory: ImportFactoryDep) -> ImportsOut:
    """All my imports, newest first. They are deleted 30 days after they were over."""
    found = await factory.imports.list(account.id)
    return ImportsOut(items=[import_out(job, factory.public_url) for job in found])


@router.get("/{import_id}", summary="Get an import", errors=[NotFoundError])
async def get_import(import_id: UUID, account: AccountDep, factory: ImportFactoryDep) -> ImportOut:
    return import_out(await factory.imports.get(account.id, import_id), factory.public_url)


@router.get(
    "/{import_id}/lines",
    summary="What became of each item",
    response_class=StreamingResponse,
    responses={200: {"content": {LINES_TYPE: {"schema": {"type": "string"}}}, "description": "A line for each item."}},
    errors=[NotFoundError],
)
async def get_import_lines(import_id: UUID, account: AccountDep, factory: ImportFactoryDep) -> StreamingResponse:
    """The items that are settled so far, in the order of the file, each a JSON object: `position`, `place` in the file,
    `verdict` (created, would_be_created, known, skipped or failed), `key`, `url` and `message`.
    """
    job = await factory.imports.get(account.id, import_id)
    return lines_response(factory.imports.lines(job.id), factory.public_url)


@router.post(
    "/{import_id}/stop",
    summary="Stop an import",
    errors=[ScopeMissingError, NotFoundError, ImportFinishedError],
)
async def stop_import(import_id: UUID, account: WriterDep, factory: ImportFactoryDep) -> ImportOut:
    """What it has created stays."""
    return import_out(await factory.imports.stop(account.id, import_id), factory.public_url)
