"""Plain requests of curl and other programs: a text or URL as the body, the link as the answer."""

import re
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from main_service.accounts.models import Account
from main_service.dependencies import SettingsDep, resources_of
from main_service.doors.creating import MANAGE_TOKEN, Created, create_link, create_paste, plain_answer, require_text
from main_service.doors.credentials import WriterDep
from main_service.doors.multipart import Part, read_parts
from main_service.doors.null_pointer_form import DOOR, RequestedOptions, headers_of, requested_options
from main_service.doors.options import ENCODING, Values, read_options
from main_service.doors.plain_help import ForPrograms, plain_help
from main_service.doors.text_bytes import require_short_url, to_utf8
from main_service.entries.dependencies import EntryFactoryDep, ExpectedVersionsDep, ManageTokenDep
from main_service.entries.field_types import MAX_TITLE_LENGTH
from main_service.entries.permissions import Actor
from main_service.entries.schemas import EntryChangeIn
from main_service.entries.serializers import entry_out, etag, short_url
from main_service.errors import FieldError, InvalidInputError, NotFoundError
from main_service.web.downloads.file_names import safe_file_name
from main_service.web.forms import parse
from main_service.web.negotiation import prefers_json

router = APIRouter(include_in_schema=False)

TEXT_PARTS = ("file", "f", "f:1", "text", "content", "sprunge")
URL_PARTS = ("url", "shorten")
REPLACE = "replace"
_URL_BODY = re.compile(rb"(?:url|shorten)=(https?(?:://|%3[Aa]))")
_NOT_OF_CHANGES = ("alias", "views")


def title_of_file(name: str | None) -> Values:
    """The title of a text that came as a file, which is its name; none where nothing of that may stand in a title."""
    title = safe_file_name(name or "")[:MAX_TITLE_LENGTH]
    return {"title": title} if title else {}


@router.post("/")
async def create(request: Request, account: WriterDep) -> Response:
    """Create a paste, or a link from a form that names a URL."""
    is_null_pointer = DOOR in resources_of(request).settings.doors
    options = read_options(request)
    parts = await read_parts(request)
    if parts is not None:
        requested = requested_options(parts) if is_null_pointer else RequestedOptions()
        created = await _create_from_parts(request, parts, options, account, requested)
    else:
        created = await _create_from_body(request, options, account)
    answer = plain_answer(request, created)
    answer.headers.update(headers_of(created) if is_null_pointer else {})
    return answer


async def _create_from_body(request: Request, options: Values, account: Account | None) -> Created:
    body = await request.body()
    url = _url_of_form(request, body)
    if url is not None:
        return await create_link(request, {"original_url": url, **options}, account=account)
    text = await to_utf8(body, request.query_params.get(ENCODING))
    return await create_paste(request, options, text, account=account)


async def _create_from_parts(
    request: Request, parts: list[Part], options: Values, account: Account | None, requested: RequestedOptions
) -> Created:
    """Create an entry from the first part with a known name; the others are left aside."""
    for part in parts:
        if part.name in URL_PARTS:
            require_short_url(part.content)
            url = (await to_utf8(part.content)).decode().strip()
            return await create_link(
                request,
                {"original_url": url, **options},
                account=account,
                lifetime=requested.lifetime,
                has_secret_key=requested.has_secret_key,
            )
        if part.name in TEXT_PARTS:
            text = await to_utf8(part.content, request.query_params.get(ENCODING))
            values = title_of_file(part.file_name) | options
            return await create_paste(request, values, text, account=account, lifetime=requested.lifetime)
    names = ", ".join([*TEXT_PARTS, *URL_PARTS])
    raise InvalidInputError(f"The form has no part that we know. Name the text or the URL one of: {names}.")


def _url_of_form(request: Request, body: bytes) -> str | None:
    """The URL of an urlencoded body that is only a URL; None: it is a text.

    One that is written as it is, as by `curl -d url=https://…`, goes on to the end, whatever signs it has. One that is
    encoded is a form, which has no other fields.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        return None
    match = _URL_BODY.match(body)
    if match is None:
        return None
    line = body.removesuffix(b"\n").removesuffix(b"\r")
    if b"\n" in line or b"\r" in line:
        return None
    require_short_url(line)
    written = line.decode("utf-8", errors="surrogateescape")
    if match[1].endswith(b"://"):
        return written.partition("=")[2]
    try:
        fields = parse_qsl(written, keep_blank_values=True, max_num_fields=2, errors="strict")
    except ValueError:
        fields = []
    if len(fields) != 1:
        raise InvalidInputError("This form has more fields than its URL; give options in the query: ?expires=1h.")
    return fields[0][1]


@router.put("/")
async def create_from_standard_input(
    request: Request, account: WriterDep, manage_token: ManageTokenDep = None
) -> Response:
    """Create a paste from what `curl -T-` sends, which names no file. With the token of an entry it names none."""
    if _is_replacing(request, account, manage_token):
        raise NotFoundError
    return await _create_file(request, None, account)


@router.put("/{name}")
async def create_or_replace(
    name: str,
    request: Request,
    account: WriterDep,
    entries: EntryFactoryDep,
    versions: ExpectedVersionsDep,
    manage_token: ManageTokenDep = None,
) -> Response:
    """Create a paste from a file with this name; or, with a token, replace the text of this entry."""
    if not _is_replacing(request, account, manage_token):
        return await _create_file(request, name, account)
    options = read_options(request, others=[REPLACE])
    if refused := [field for field in _NOT_OF_CHANGES if field in options]:
        message = "This can't be changed once an entry is there."
        raise InvalidInputError(fields=[FieldError(field, "extra_forbidden", message) for field in refused])
    actor = Actor(account_id=account.id if account else None, manage_token=manage_token)
    # What is unknown is told before the text is read, and what isn't allowed before a byte of it is checked.
    entries.entry_policy.require_may_manage(await entries.reader.get(name, actor), actor)
    text = await to_utf8(await request.body(), request.query_params.get(ENCODING))
    require_text(text)
    changes = parse(EntryChangeIn, options).changes_with(text)
    entry = await entries.changes.update(name, changes, actor, versions=versions)
    if prefers_json(request.headers):
        out = entry_out(entry, entries.public_url, to_manager=True)
        return JSONResponse(out.model_dump(mode="json"), headers=etag(entry))
    return PlainTextResponse(f"{short_url(entries.public_url, entry.key)}\n", headers=etag(entry))


def _is_replacing(request: Request, account: Account | None, manage_token: str | None) -> bool:
    """Whether the request is about an entry that is there: what is sent with its token never creates another one."""
    return manage_token is not None or (account is not None and REPLACE in request.query_params)


@router.delete("/{key}", status_code=204)
async def delete(
    key: str,
    account: WriterDep,
    entries: EntryFactoryDep,
    versions: ExpectedVersionsDep,
    manage_token: ManageTokenDep = None,
) -> None:
    """Delete an entry: a guest's by its manage token, a user's by a token of theirs."""
    actor = Actor(account_id=account.id if account else None, manage_token=manage_token)
    await entries.changes.delete(key, actor, versions=versions)


async def _create_file(request: Request, name: str | None, account: Account | None) -> Response:
    options = read_options(request, others=[REPLACE])
    if REPLACE in request.query_params:
        message = f"To replace a text, send the token of its entry as {MANAGE_TOKEN}, or an API token as Bearer."
        raise InvalidInputError(fields=[FieldError(REPLACE, "token_missing", message)])
    text = await to_utf8(await request.body(), request.query_params.get(ENCODING))
    created = await create_paste(request, title_of_file(name) | options, text, account=account)
    return plain_answer(request, created)


async def show_help(settings: SettingsDep) -> Response:
    """Help for people who open the site in a terminal."""
    return PlainTextResponse(plain_help(settings.public_url), headers={"Vary": "Accept, User-Agent"})


router.add_api_route("/", show_help, route_class_override=ForPrograms)
