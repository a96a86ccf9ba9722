"""The door for clients of 0x0: forms sent to `/` create entries, and forms sent to a link change or delete it."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from main_service.doors import curl
from main_service.doors.credentials import WriterDep
from main_service.doors.null_pointer_form import end_of, lifetime_of
from main_service.doors.text_bytes import short_text
from main_service.doors.urlencoded import read_fields
from main_service.entries.change import Changes
from main_service.entries.dependencies import EntryFactoryDep
from main_service.entries.permissions import Actor
from main_service.errors import InvalidInputError

router = APIRouter(include_in_schema=False)
# The same as at the door of curl, which may be switched off.
router.add_api_route("/", curl.create, methods=["POST"])


@router.post("/{key}")
async def change(key: str, request: Request, account: WriterDep, entries: EntryFactoryDep) -> Response:
    """Delete the entry (`delete`), or change when it ends (`expires`). `token`: the one that came with a new entry."""
    fields = await read_fields(request)
    actor = Actor(account_id=account.id if account else None, manage_token=_token(fields))
    if "delete" in fields:
        await entries.changes.delete(key, actor)
        return PlainTextResponse("")
    lifetime = lifetime_of(fields)
    if lifetime is None:
        raise InvalidInputError("Send delete, or expires with hours or milliseconds since 1970, beside the token.")
    entry = await entries.changes.update(key, Changes(fields={}, lifetime=lifetime, text=None), actor)
    return PlainTextResponse("", 202, headers=end_of(entry))


def _token(fields: Mapping[str, bytes]) -> str | None:
    return short_text(fields.get("token", b""), field="token") or None
