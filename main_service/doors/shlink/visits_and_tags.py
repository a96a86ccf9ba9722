"""Visits and tags of Shlink, which are visits to a user's links and the user's collections."""

from typing import Annotated

from fastapi import APIRouter, Query

from main_service.collections.dependencies import CollectionFactoryDep
from main_service.doors.foreign_answers import ReadingUserDep, WritingUserDep
from main_service.doors.shlink.answers import Json, page_out, visit_out, visits_summary
from main_service.doors.shlink.errors import ShlinkRoute, TagNotFoundError, VisitsNotDeletableError
from main_service.doors.shlink.schemas import MAX_PER_PAGE, MAX_TAGS, RenamingIn, TagName, VisitsIn
from main_service.doors.shlink.short_urls import PREFIX
from main_service.errors import NotFoundError
from main_service.my_entries.dependencies import MyEntriesFactoryDep
from main_service.my_entries.numbered_links import LinkFilters, LinkOrder
from main_service.statistics.dependencies import StatisticsFactoryDep
from main_service.statistics.factory import StatisticsFactory

VERSION = "3.7.4"
"""The version of Shlink that clients are told: the last one without redirect rules, which we have not."""

router = APIRouter(prefix=PREFIX, include_in_schema=False, route_class=ShlinkRoute)

unversioned = APIRouter(prefix="/rest", include_in_schema=False, route_class=ShlinkRoute)
"""Where monitors ask, which know no version."""

AskedVisits = Annotated[VisitsIn, Query()]


@router.get("/health")
@unversioned.get("/health")
async def get_health() -> Json:
    return {"status": "pass", "version": VERSION, "links": {}}


@router.get("/short-urls/{key}/visits")
async def list_visits(
    key: str, asked: AskedVisits, account: ReadingUserDep, mine: MyEntriesFactoryDep, statistics: StatisticsFactoryDep
) -> Json:
    link = await mine.numbered_links.get(account.id, key)
    return await _list_visits([link.entry.key], asked, statistics)


@router.get("/visits")
async def get_overview(account: ReadingUserDep, statistics: StatisticsFactoryDep) -> Json:
    totals = await statistics.statistics.get_own_totals(account.id)
    return {
        "visits": {
            "nonOrphanVisits": visits_summary(totals.people, totals.bots),
            "orphanVisits": visits_summary(0, 0),
            "visitsCount": totals.people + totals.bots,
            "orphanVisitsCount": 0,
        }
    }


@router.delete("/short-urls/{key}/visits")
async def delete_visits(key: str, account: WritingUserDep, mine: MyEntriesFactoryDep) -> Json:
    await mine.numbered_links.get(account.id, key)
    raise VisitsNotDeletableError


@router.get("/visits/non-orphan")
async def list_visits_of_all(
    asked: AskedVisits, account: ReadingUserDep, mine: MyEntriesFactoryDep, statistics: StatisticsFactoryDep
) -> Json:
    """Visits to the most visited links, as many links as a page may have."""
    page = await mine.numbered_links.list_page(account.id, order=LinkOrder.VISITS, limit=MAX_PER_PAGE)
    return await _list_visits([link.entry.key for link in page.links], asked, statistics)


@router.get("/visits/orphan")
async def list_orphan_visits(asked: AskedVisits, _: ReadingUserDep) -> Json:
    """None: what leads to no link is not kept."""
    return {"visits": page_out([], asked, 0)}


@router.delete("/visits/orphan")
async def delete_orphan_visits(_: WritingUserDep) -> Json:
    return {"deletedVisits": 0}


@router.get("/tags")
async def list_tags(account: ReadingUserDep, collections: CollectionFactoryDep) -> Json:
    figures = await collections.named.list_figures(account.id)
    return {"tags": {"data": [each.name for each in figures]}}


@router.get("/tags/stats")
async def list_tags_with_figures(account: ReadingUserDep, collections: CollectionFactoryDep) -> Json:
    figures = await collections.named.list_figures(account.id)
    items = [
        {
            "tag": each.name,
            "shortUrlsCount": each.links,
            "visitsCount": each.people + each.bots,
            "visitsSummary": visits_summary(each.people, each.bots),
        }
        for each in figures
    ]
    return {"tags": {"data": items}}


@router.put("/tags", status_code=204)
async def rename_tag(asked: RenamingIn, account: WritingUserDep, collections: CollectionFactoryDep) -> None:
    try:
        await collections.named.rename(account.id, asked.old_name, asked.new_name)
    except NotFoundError:
        raise TagNotFoundError from None


@router.delete("/tags", status_code=204)
async def delete_tags(
    tags: Annotated[list[TagName], Query(alias="tags[]", max_length=MAX_TAGS)],
    account: WritingUserDep,
    collections: CollectionFactoryDep,
) -> None:
    await collections.named.delete(account.id, tags)


@router.get("/tags/{tag}/visits")
async def list_visits_of_tag(
    tag: str,
    asked: AskedVisits,
    account: ReadingUserDep,
    mine: MyEntriesFactoryDep,
    statistics: StatisticsFactoryDep,
    collections: CollectionFactoryDep,
) -> Json:
    """Visits to the most visited links with the tag, as many links as a page may have."""
    if tag.lower() not in {each.name.lower() for each in await collections.named.list_figures(account.id)}:
        raise TagNotFoundError
    filters = LinkFilters(collections=[tag])
    page = await mine.numbered_links.list_page(account.id, filters, order=LinkOrder.VISITS, limit=MAX_PER_PAGE)
    return await _list_visits([link.entry.key for link in page.links], asked, statistics)


async def _list_visits(keys: list[str], asked: VisitsIn, statistics: StatisticsFactory) -> Json:
    page = await statistics.single_visits.list_page(
        keys,
        first_at=asked.start_date,
        last_at=asked.end_date,
        with_bots=asked.exclude_bots is False,
        offset=asked.offset,
        limit=asked.limit,
    )
    items = [visit_out(visit, statistics.public_url) for visit in page.visits]
    return {"visits": page_out(items, asked, page.total)}
