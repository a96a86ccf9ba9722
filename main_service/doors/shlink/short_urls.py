"""Short URLs of Shlink, which are a user's links."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from main_service.accounts.models import Account
from main_service.collections.dependencies import CollectionFactoryDep
from main_service.collections.factory import CollectionFactory
from main_service.dependencies import resources_of
from main_service.doors.creating import create_link
from main_service.doors.foreign_answers import ReadingUserDep, WritingUserDep
from main_service.doors.shlink.answers import Json, link_out, page_out
from main_service.doors.shlink.errors import ShlinkRoute
from main_service.doors.shlink.schemas import ShortUrlChangeIn, ShortUrlIn, ShortUrlsIn
from main_service.entries.dependencies import EntryFactoryDep
from main_service.entries.models import Visibility
from main_service.entries.permissions import Actor
from main_service.entries.schemas import EntryChangeIn
from main_service.errors import FieldError, InvalidInputError
from main_service.my_entries.dependencies import MyEntriesFactoryDep
from main_service.my_entries.numbered_links import LinkFilters, OwnedLink
from main_service.web.forms import parse
from main_service.web.proxy_watch import limited_address

PREFIX = "/rest/v3"

router = APIRouter(prefix=PREFIX, include_in_schema=False, route_class=ShlinkRoute)


@router.post("/short-urls")
async def create_short_url(
    asked: ShortUrlIn, request: Request, account: WritingUserDep, factory: MyEntriesFactoryDep,
    collections: CollectionFactoryDep,
) -> Json:  # fmt: skip
    links, public_url = factory.numbered_links, factory.public_url
    _check_domain(asked.domain, public_url)
    if asked.find_if_exists:
        same = await links.find_same(account.id, asked.long_url)
        if same is not None and _is_what_was_asked(same, asked):
            return link_out(same, public_url)
    values = {
        "original_url": asked.long_url,
        "alias": asked.custom_slug,
        "title": asked.title,
        "views": asked.max_visits,
        "expires_at": asked.valid_until and asked.valid_until.isoformat(),
        "visibility": Visibility.PUBLIC if asked.crawlable else None,
        "passes_query": asked.forward_query,
    }
    await _ensure_collections(request, account, asked.tags)
    made = await create_link(request, {name: it for name, it in values.items() if it is not None}, account=account)
    if asked.tags:
        await collections.named.put(account.id, made.entry.key, asked.tags)
    return link_out(await links.get(account.id, made.entry.key), public_url)


@router.get("/short-urls")
async def list_short_urls(
    asked: Annotated[ShortUrlsIn, Query()], account: ReadingUserDep, factory: MyEntriesFactoryDep
) -> Json:
    filters = LinkFilters(
        q=asked.search_term.strip(),
        collections=asked.tags,
        is_in_all=asked.tags_mode == "all",
        not_in=asked.exclude_tags,
        first_at=asked.start_date,
        last_at=asked.end_date,
    )
    page = await factory.numbered_links.list_page(
        account.id,
        filters,
        order=asked.order,
        is_descending=asked.is_descending,
        offset=asked.offset,
        limit=asked.limit,
    )
    items = [link_out(link, factory.public_url) for link in page.links]
    return {"shortUrls": page_out(items, asked, page.total)}


@router.get("/short-urls/{key}")
async def get_short_url(key: str, account: ReadingUserDep, factory: MyEntriesFactoryDep) -> Json:
    return link_out(await factory.numbered_links.get(account.id, key), factory.public_url)


@router.patch("/short-urls/{key}")
async def change_short_url(
    key: str, asked: ShortUrlChangeIn, request: Request, account: WritingUserDep, entries: EntryFactoryDep,
    factory: MyEntriesFactoryDep, collections: CollectionFactoryDep,
) -> Json:  # fmt: skip
    link = await factory.numbered_links.get(account.id, key)
    changes = parse(EntryChangeIn, _changes(asked, link)).changes
    await _ensure_collections(request, account, asked.tags)
    if changes.fields or changes.lifetime.is_given:
        await entries.changes.update(key, changes, Actor(account_id=account.id))
    if asked.tags is not None:
        await collections.named.put(account.id, key, asked.tags)
    return link_out(await factory.numbered_links.get(account.id, key), factory.public_url)


@router.delete("/short-urls/{key}", status_code=204)
async def delete_short_url(
    key: str, account: WritingUserDep, entries: EntryFactoryDep, factory: MyEntriesFactoryDep
) -> None:
    await factory.numbered_links.get(account.id, key)
    await entries.changes.delete(key, Actor(account_id=account.id))


async def _ensure_collections(request: Request, account: Account, tags: list[str] | None) -> None:
    """Create what is missing, in a transaction of its own: creating locks the account, which an entry refers to."""
    if not tags:
        return
    resources = resources_of(request)
    async with resources.sessions() as session:
        factory = CollectionFactory(resources, session, client_address=limited_address(request))
        await factory.named.ensure(account.id, tags)
        await session.commit()


def _changes(asked: ShortUrlChangeIn, link: OwnedLink) -> dict[str, Any]:
    """The values to change, by the names of our fields. What has no value in `asked` but is named is taken away."""
    given = asked.model_fields_set
    values: dict[str, Any] = {}
    if "long_url" in given and asked.long_url is not None:
        values["original_url"] = asked.long_url
    if "title" in given:
        values["title"] = asked.title
    if "valid_until" in given:
        values |= {"expires_at": asked.valid_until.isoformat()} if asked.valid_until else {"expires_in": "never"}
    if asked.crawlable is not None and asked.crawlable != (link.entry.visibility is Visibility.PUBLIC):
        values["visibility"] = Visibility.PUBLIC if asked.crawlable else Visibility.UNLISTED
    if asked.forward_query is not None:
        values["passes_query"] = asked.forward_query
    if "max_visits" in given and asked.max_visits != link.entry.views_left:
        message = "How often a link can be visited can't be changed."
        raise InvalidInputError(fields=[FieldError("maxVisits", "not_changeable", message)])
    return values


def _is_what_was_asked(link: OwnedLink, asked: ShortUrlIn) -> bool:
    """Whether a link to the same target has nothing else than what was asked for."""
    if asked.valid_until is not None or asked.max_visits is not None:
        return False
    if asked.custom_slug is not None and asked.custom_slug != link.entry.key:
        return False
    return {each.lower() for each in asked.tags or ()} == {each.lower() for each in link.collections}


def is_own_domain(domain: str, public_url: str) -> bool:
    return domain in ("DEFAULT", public_url.partition("://")[2])


def _check_domain(domain: str | None, public_url: str) -> None:
    if domain and not is_own_domain(domain, public_url):
        message = "This service has one domain only; leave it out."
        raise InvalidInputError(fields=[FieldError("domain", "domain_unknown", message)])
