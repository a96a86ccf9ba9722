"""The user and the group of Bitly, for which clients ask before anything else. Here each user is a group alone."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from main_service.accounts.models import Account
from main_service.doors.bitly.answers import Json, bitlink_out, time_out
from main_service.doors.bitly.bitlinks import PREFIX
from main_service.doors.bitly.errors import BitlyRoute
from main_service.doors.foreign_answers import ReadingUserDep
from main_service.doors.foreign_links import MAX_LIST_NUMBER
from main_service.errors import NotFoundError
from main_service.my_entries.dependencies import MyEntriesFactoryDep
from main_service.my_entries.numbered_links import LinkFilters

router = APIRouter(prefix=PREFIX, include_in_schema=False, route_class=BitlyRoute)

DEFAULT_PER_PAGE = 50
MAX_PER_PAGE = 1_000


def _instant(value: Any) -> Any:
    """Seconds since 1970, as Bitly has them."""
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise PydanticCustomError("instant_invalid", "Give a number of seconds since 1970") from None


Instant = Annotated[datetime, BeforeValidator(_instant)]


class BitlinksIn(BaseModel):
    """A page of a group's links. A client goes on by `page`, or by `search_after` of the page before."""

    size: int = Field(DEFAULT_PER_PAGE, ge=1, le=MAX_LIST_NUMBER)
    page: int = Field(1, ge=1, le=MAX_LIST_NUMBER)
    search_after: Annotated[str, Field(pattern=r"^([1-9][0-9]{0,8})?$")] = ""
    query: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    created_after: Instant | None = None
    created_before: Instant | None = None
    archived: Literal["on", "off", "both"] = "off"

    @property
    def limit(self) -> int:
        return min(self.size, MAX_PER_PAGE)

    @property
    def number(self) -> int:
        """The number of the page, from 1 on."""
        return int(self.search_after or self.page)


@router.get("/user")
async def get_user(account: ReadingUserDep) -> Json:
    since = time_out(account.registered_at)
    return {
        "login": _name(account),
        "name": _name(account),
        "is_active": True,
        "created": since,
        "modified": since,
        "is_sso_user": False,
        "is_2fa_enabled": False,
        "emails": [{"email": account.email, "is_primary": True, "is_verified": account.is_verified}],
        "default_group_guid": str(account.id),
    }


@router.get("/groups")
async def list_groups(account: ReadingUserDep) -> Json:
    return {"groups": [_group(account)]}


@router.get("/groups/{group_guid}")
async def get_group(group_guid: str, account: ReadingUserDep) -> Json:
    _check_group(group_guid, account)
    return _group(account)


@router.get("/groups/{group_guid}/bitlinks")
async def list_bitlinks(
    group_guid: str, asked: Annotated[BitlinksIn, Query()], request: Request, account: ReadingUserDep,
    factory: MyEntriesFactoryDep,
) -> Json:  # fmt: skip
    """The latest first. None is archived: what has ended is gone."""
    _check_group(group_guid, account)
    links: list[Json] = []
    total = 0
    if asked.archived != "on":
        filters = LinkFilters(q=asked.query.strip(), first_at=asked.created_after, last_at=asked.created_before)
        page = await factory.numbered_links.list_page(
            account.id, filters, offset=(asked.number - 1) * asked.limit, limit=asked.limit
        )
        links, total = [bitlink_out(link.entry, factory.public_url) for link in page.links], page.total
    last = -(-total // asked.limit)
    following = str(asked.number + 1) if asked.number < last else ""

    def url_of(number: int) -> str:
        if not 1 <= number <= last:
            return ""
        query = dict(request.query_params) | {"page": str(number), "search_after": ""}
        return f"{factory.public_url}{request.url.path}?{urlencode(query)}"

    return {
        "links": links,
        "pagination": {
            "prev": url_of(asked.number - 1),
            "next": url_of(asked.number + 1),
            "search_after": following,
            "size": asked.limit,
            "page": asked.number,
            "total": total,
        },
    }


def _check_group(guid: str, account: Account) -> None:
    if guid != str(account.id):
        raise NotFoundError


def _group(account: Account) -> Json:
    since = time_out(account.registered_at)
    return {
        "guid": str(account.id),
        "name": _name(account),
        "role": "org-admin",
        "is_active": True,
        "bsds": [],
        "organization_guid": "",
        "created": since,
        "modified": since,
        "references": {},
    }


def _name(account: Account) -> str:
    return account.username or account.email
