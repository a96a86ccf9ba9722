"""The door for pastebinit: a form of its own, and the one that its stock configuration sends to dpaste.com."""

from email.utils import format_datetime

from fastapi import APIRouter, Request, Response

from main_service.doors.creating import create_paste
from main_service.doors.credentials import WriterDep
from main_service.doors.foreign_values import known_syntax, lifetime_in_words
from main_service.doors.options import Values
from main_service.doors.text_bytes import to_utf8
from main_service.doors.urlencoded import read_fields
from main_service.errors import FieldError, InvalidInputError

router = APIRouter(include_in_schema=False)

_MAX_BYTES = 8 * 1024
"""The largest field other than the text."""


@router.post("/pastebinit")
async def create_from_pastebinit(request: Request, account: WriterDep) -> Response:
    """Create a paste from `text`, and perhaps `title`, `syntax` and `expires`; answer with its link alone."""
    fields = await read_fields(request)
    values = await _values(fields)
    if expires := await _value(fields, "expires"):
        values["expires_in"] = expires
    text = await _text(fields, "text")
    return (await create_paste(request, values, text, account=account)).as_text()


@router.post("/api/v2")
@router.post("/api/v2/")
async def create_as_dpaste(request: Request, account: WriterDep) -> Response:
    """Create a paste from `content`, and perhaps `title`, `syntax` and `expiry_days`; answer as dpaste.com does."""
    fields = await read_fields(request)
    days = await _value(fields, "expiry_days")
    lifetime = lifetime_in_words(f"{days} days", field="expiry_days") if days else None
    text = await _text(fields, "content")
    created = await create_paste(request, await _values(fields), text, account=account, lifetime=lifetime)
    answer = created.as_text()
    if created.entry.expires_at is not None:
        answer.headers["Expires"] = format_datetime(created.entry.expires_at, usegmt=True)
    return answer


async def _values(fields: dict[str, bytes]) -> Values:
    values: Values = {}
    if title := await _value(fields, "title"):
        values["title"] = title
    return values | known_syntax(await _value(fields, "syntax"))


async def _value(fields: dict[str, bytes], name: str) -> str:
    """The value of a field other than the text; empty if it is missing, or sent without a value as pastebinit does.

    Raises:
        InvalidInputError: it is too long, or not UTF-8.
    """
    written = fields.get(name, b"")
    if len(written) > _MAX_BYTES:
        raise InvalidInputError(fields=[FieldError(name, "string_too_long", "This is too long.")])
    return (await to_utf8(written)).decode()


async def _text(fields: dict[str, bytes], name: str) -> bytes:
    if name not in fields:
        message = f"The form has no field {name}, which is the text."
        raise InvalidInputError(fields=[FieldError(name, "missing", message)])
    return await to_utf8(fields[name])
