"""The door for clients of haste: `POST /documents` makes a paste of any body, and two addresses give it back."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from main_service.doors.creating import create_paste
from main_service.doors.credentials import ReaderDep, WriterDep
from main_service.doors.multipart import read_parts
from main_service.doors.options import ENCODING, read_options
from main_service.doors.text_bytes import to_utf8
from main_service.doors.texts_in_json import TEXT, answer_with_text, without_extension
from main_service.entries.dependencies import EntryFactoryDep
from main_service.entries.visit_recorder import VisitRecorderDep
from main_service.entry_pages.file_pages import read_raw
from main_service.web.bodies.form import read_parameters

router = APIRouter(include_in_schema=False)

_FIELD = "data"
"""The field that has the text where a form of several parts is sent."""


@router.post("/documents")
async def create_document(request: Request, account: WriterDep) -> Response:
    options = read_options(request)
    text = await to_utf8(await _text_of(request), request.query_params.get(ENCODING))
    created = await create_paste(request, options, text, account=account)
    return JSONResponse({"key": created.entry.key}, headers=dict(created.headers))


async def _text_of(request: Request) -> bytes:
    """The body, whatever its type says; of a form of several parts, its field."""
    _, parameters = read_parameters(request.headers.get("content-type", ""))
    parts = await read_parts(request) if b"boundary" in parameters else None
    if parts is None:
        return await request.body()
    return next((part.content for part in parts if part.name == _FIELD), b"")


@router.get("/documents/{key}")
async def get_document(
    key: str, request: Request, actor: ReaderDep, entries: EntryFactoryDep, visits: VisitRecorderDep
) -> Response:
    """The text and its key as JSON."""
    return await answer_with_text(
        without_extension(key), request, actor, entries, visits, lambda entry: {"data": TEXT, "key": entry.key}
    )


@router.get("/raw/{key}")
async def get_raw_document(
    key: str, request: Request, actor: ReaderDep, entries: EntryFactoryDep, visits: VisitRecorderDep
) -> Response:
    response, _ = await read_raw(without_extension(key), request, actor, entries, visits)
    return response
