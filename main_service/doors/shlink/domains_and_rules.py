"""Domains and redirect rules of Shlink, and its hub of live updates: here there is one domain, and none of the others.

Clients ask for all of them. What we have none of is told as Shlink would tell it.
"""

from fastapi import APIRouter

from main_service.dependencies import SettingsDep
from main_service.doors.foreign_answers import ReadingUserDep, WritingUserDep
from main_service.doors.shlink.answers import Json
from main_service.doors.shlink.errors import DomainNotFoundError, MercureNotConfiguredError, ShlinkRoute
from main_service.doors.shlink.schemas import DomainRedirectsIn, RedirectRulesIn
from main_service.doors.shlink.short_urls import PREFIX, is_own_domain
from main_service.doors.shlink.visits_and_tags import AskedVisits, list_visits_of_all
from main_service.my_entries.dependencies import MyEntriesFactoryDep
from main_service.statistics.dependencies import StatisticsFactoryDep

router = APIRouter(prefix=PREFIX, include_in_schema=False, route_class=ShlinkRoute)

_NO_REDIRECTS = {"baseUrlRedirect": None, "regular404Redirect": None, "invalidShortUrlRedirect": None}


@router.get("/domains")
async def list_domains(_: ReadingUserDep, settings: SettingsDep) -> Json:
    domain = settings.public_url.partition("://")[2]
    own = {"domain": domain, "isDefault": True, "redirects": _NO_REDIRECTS}
    return {"domains": {"data": [own], "defaultRedirects": _NO_REDIRECTS}}


@router.patch("/domains/redirects")
async def change_domain_redirects(asked: DomainRedirectsIn, _: WritingUserDep, settings: SettingsDep) -> Json:
    """What is asked for is what there is: no redirects."""
    if not is_own_domain(asked.domain, settings.public_url):
        raise DomainNotFoundError
    return _NO_REDIRECTS


@router.get("/domains/{domain}/visits")
async def list_visits_of_domain(
    domain: str, asked: AskedVisits, account: ReadingUserDep, mine: MyEntriesFactoryDep,
    statistics: StatisticsFactoryDep,
) -> Json:  # fmt: skip
    if not is_own_domain(domain, mine.public_url):
        raise DomainNotFoundError
    return await list_visits_of_all(asked, account, mine, statistics)


@router.get("/short-urls/{key}/redirect-rules")
async def list_redirect_rules(key: str, account: ReadingUserDep, mine: MyEntriesFactoryDep) -> Json:
    link = await mine.numbered_links.get(account.id, key)
    return {"defaultLongUrl": link.target, "redirectRules": []}


@router.post("/short-urls/{key}/redirect-rules")
async def set_redirect_rules(key: str, _: RedirectRulesIn, account: WritingUserDep, mine: MyEntriesFactoryDep) -> Json:
    link = await mine.numbered_links.get(account.id, key)
    return {"defaultLongUrl": link.target, "redirectRules": []}


@router.get("/mercure-info")
async def get_mercure_info(_: ReadingUserDep) -> Json:
    raise MercureNotConfiguredError
