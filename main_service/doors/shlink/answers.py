"""Links, visits and pages of lists as Shlink sends them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from main_service.doors.shlink.schemas import PageIn
from main_service.entries.models import Visibility
from main_service.entries.serializers import short_url
from main_service.my_entries.numbered_links import OwnedLink
from main_service.statistics.single_visits import SingleVisit
from main_service.statistics.value_names import name_of
from main_service.visits.models import Dimension

Json = dict[str, Any]


def link_out(link: OwnedLink, public_url: str) -> Json:
    entry = link.entry
    return {
        "shortCode": entry.key,
        "shortUrl": short_url(public_url, entry.key),
        "longUrl": link.target,
        "deviceLongUrls": {"android": None, "ios": None, "desktop": None},
        "dateCreated": _time(entry.created_at),
        "visitsCount": entry.visit_count + link.bot_count,
        "visitsSummary": visits_summary(entry.visit_count, link.bot_count),
        "tags": link.collections,
        "meta": {
            "validSince": None,
            "validUntil": _time(entry.expires_at) if entry.expires_at else None,
            # How many are left: those that were spent are not kept.
            "maxVisits": entry.views_left,
        },
        "domain": None,
        "title": entry.title,
        "crawlable": entry.visibility is Visibility.PUBLIC,
        "forwardQuery": entry.passes_query,
        "hasRedirectRules": False,
    }


def visit_out(visit: SingleVisit, public_url: str) -> Json:
    return {
        "referer": visit.referrer or "",
        "date": _time(visit.visited_at),
        # What is kept of it: the names of browser and system.
        "userAgent": " on ".join(filter(None, (visit.browser, visit.system))),
        "visitLocation": {
            "countryCode": visit.country or "",
            "countryName": name_of(Dimension.COUNTRY, visit.country) if visit.country else "",
            "regionName": "",
            "cityName": "",
            "latitude": None,
            "longitude": None,
            "timezone": "",
            "isEmpty": visit.country is None,
        },
        "potentialBot": visit.is_bot,
        "visitedUrl": short_url(public_url, visit.key),
        "redirectUrl": None,
    }


def visits_summary(people: int, bots: int) -> Json:
    return {"total": people + bots, "nonBots": people, "bots": bots}


def page_out(items: Sequence[Json], asked: PageIn, total: int) -> Json:
    return {
        "data": list(items),
        "pagination": {
            "currentPage": asked.page,
            "pagesCount": -(-total // asked.limit),
            "itemsPerPage": asked.limit,
            "itemsInCurrentPage": len(items),
            "totalItems": total,
        },
    }


def _time(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")
