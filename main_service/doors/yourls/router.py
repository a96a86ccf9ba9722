"""The route of the door, by GET and POST. The field `action` says what a request asks for."""

import re
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from main_service.accounts.models import Account
from main_service.dependencies import SessionDep, resources_of
from main_service.doors.creating import create_link
from main_service.doors.credentials import find_principal, find_writer
from main_service.doors.foreign_answers import require_reader
from main_service.doors.foreign_links import MAX_LIST_NUMBER, get_link_to_expand, key_of
from main_service.doors.yourls.answers import Answer, existing_out, link_out, rendered, time_out, title_of
from main_service.doors.yourls.errors import (
    GetWithoutSignatureError,
    LookingOnlyError,
    PasswordSentError,
    SignatureHashedError,
    YourlsRoute,
)
from main_service.engines.postgres import Session
from main_service.entries.dependencies import entry_factory_of
from main_service.entries.permissions import Actor
from main_service.entries.serializers import short_url
from main_service.entries.urls import complete_url
from main_service.errors import FieldError, InvalidInputError, NotFoundError
from main_service.my_entries.factory import MyEntriesFactory
from main_service.my_entries.numbered_links import LinkOrder
from main_service.statistics.dependencies import get_statistics_factory
from main_service.web.bodies.form import read_form
from main_service.web.negotiation import is_link_preview

PATH = "/yourls-api.php"
MAX_LISTED = 1_000

Fields = Mapping[str, str]

_HASHED = re.compile(r"[0-9a-f]{32,128}", re.ASCII)
_ORDERS = {
    "top": (LinkOrder.PEOPLE, True),
    "bottom": (LinkOrder.PEOPLE, False),
    "last": (LinkOrder.CREATED, True),
    "rand": (LinkOrder.RANDOM, True),
    "random": (LinkOrder.RANDOM, True),
}

router = APIRouter(include_in_schema=False, route_class=YourlsRoute)


@router.get(PATH)
async def answer_get(request: Request, session: SessionDep) -> Response:
    if request.query_params.get("action") == "shorturl":
        if request.method == "HEAD" or is_link_preview(request.headers):
            raise LookingOnlyError
        if not request.query_params.get("signature"):
            raise GetWithoutSignatureError
    return await _answer(request, session, request.query_params)


@router.post(PATH)
async def answer_post(request: Request, session: SessionDep) -> Response:
    """Fields of the form count before those of the query."""
    fields = await read_form(request) if "content-type" in request.headers else {}
    return await _answer(request, session, {**request.query_params, **fields})


async def _answer(request: Request, session: Session, fields: Fields) -> Response:
    request.state.format = fields.get("format")
    signature = _signature(fields)
    match fields.get("action"):
        case "shorturl":
            answer = await _shorten(request, session, fields, await find_writer(request, signature))
        case "expand":
            answer = await _expand(request, session, fields, signature)
        case "url-stats":
            answer = await _show_link(request, session, fields, signature)
        case "stats":
            answer = await _list_links(request, session, fields, await require_reader(request, signature))
        case "db-stats":
            totals = await _totals(request, session, await require_reader(request, signature))
            answer = {"db-stats": totals, "statusCode": 200, "message": "success"}
        case "version":
            answer = {"version": "1.9.2"}
        case _:
            sentence = 'Unknown or missing "action" parameter'
            raise InvalidInputError(fields=[FieldError("action", "action_unknown", sentence)])
    return rendered(fields.get("format"), answer)


def _signature(fields: Fields) -> str | None:
    """The API token; None: there is none.

    Raises:
        SignatureHashedError, PasswordSentError: the client signs in a way that would need its token in plain here.
    """
    signature = fields.get("signature") or None
    if signature and ("timestamp" in fields or "hash" in fields or _HASHED.fullmatch(signature)):
        raise SignatureHashedError
    if signature is None and fields.get("password"):
        raise PasswordSentError
    return signature


async def _shorten(request: Request, session: Session, fields: Fields, account: Account | None) -> Answer:
    public_url = resources_of(request).settings.public_url
    url, keyword = fields.get("url", ""), fields.get("keyword") or None
    if not url.strip():
        raise InvalidInputError(fields=[FieldError("original_url", "missing", "Missing or malformed URL")])
    if account is not None and keyword is None:
        same = await MyEntriesFactory(resources_of(request), session).numbered_links.find_same(
            account.id, complete_url(url)
        )
        if same is not None:
            return existing_out(same, public_url)
    values = {"original_url": url, "alias": keyword, "title": fields.get("title") or None}
    made = await create_link(request, {name: it for name, it in values.items() if it}, account=account)
    link = made.entry
    shown = {"keyword": link.key, "url": link.original_url, "title": title_of(link), "date": time_out(link.created_at)}
    return {
        "url": {**shown, "ip": "", "clicks": "0"},
        "status": "success",
        "message": f"{link.original_url} added to database",
        "title": title_of(link),
        "shorturl": made.url,
        "statusCode": 200,
        **({} if made.manage_token is None else {"manage_token": made.manage_token}),
    }


async def _expand(request: Request, session: Session, fields: Fields, signature: str | None) -> Answer:
    actor = await _actor(request, signature)
    entries = entry_factory_of(request, session)
    entry = await get_link_to_expand(fields.get("shorturl", ""), actor, entries)
    return {
        "keyword": entry.key,
        "shorturl": short_url(entries.public_url, entry.key),
        "longurl": entry.original_url,
        "title": title_of(entry),
        "message": "success",
        "statusCode": 200,
    }


async def _show_link(request: Request, session: Session, fields: Fields, signature: str | None) -> Answer:
    """A link, for those who may see its statistics."""
    public_url = resources_of(request).settings.public_url
    actor = await _actor(request, signature)
    statistics = (await get_statistics_factory(request, session)).statistics
    entry = await statistics.open(key_of(fields.get("shorturl", ""), public_url), actor)
    if entry.original_url is None or entry.has_ended:
        raise NotFoundError
    shown = {
        "shorturl": short_url(public_url, entry.key),
        "url": entry.original_url,
        "title": entry.title or entry.original_url,
        "timestamp": time_out(entry.created_at),
        "ip": "",
        "clicks": str(entry.visit_count),
    }
    return {"statusCode": 200, "message": "success", "link": shown}


async def _list_links(request: Request, session: Session, fields: Fields, account: Account) -> Answer:
    resources = resources_of(request)
    order, is_descending = _ORDERS.get(fields.get("filter", "top"), _ORDERS["top"])
    limit = min(_number(fields, "limit", default=10), MAX_LISTED)
    page = await MyEntriesFactory(resources, session).numbered_links.list_page(
        account.id, order=order, is_descending=is_descending, offset=_number(fields, "start", default=0), limit=limit
    )
    links = {f"link_{n}": link_out(link, resources.settings.public_url) for n, link in enumerate(page.links, start=1)}
    totals = await _totals(request, session, account)
    return {**({"links": links} if links else {}), "stats": totals, "statusCode": 200, "message": "success"}


async def _totals(request: Request, session: Session, account: Account) -> Answer:
    """How many links the user has, and the visits of people to all of the user's entries."""
    total_links = (
        await MyEntriesFactory(resources_of(request), session).numbered_links.list_page(account.id, limit=0)
    ).total
    statistics = (await get_statistics_factory(request, session)).statistics
    totals = await statistics.get_own_totals(account.id)
    return {"total_links": str(total_links), "total_clicks": str(totals.people)}


async def _actor(request: Request, signature: str | None) -> Actor:
    principal = await find_principal(request, signature)
    return Actor(account_id=principal.account.id if principal else None)


def _number(fields: Fields, name: str, *, default: int) -> int:
    """A number of links; anything else counts as the default."""
    written = fields.get(name, "")
    return min(int(written), MAX_LIST_NUMBER) if re.fullmatch(r"\d{1,18}", written, re.ASCII) else default
