"""The page of the leaderboard, `/top`: the public entries that most people visit."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from main_service.accounts.cookie_auth import ReaderDep
from main_service.entries.serializers import page_entry
from main_service.statistics.dependencies import StatisticsFactoryDep
from main_service.statistics.leaderboard import Period
from main_service.web.templating import render

_PERIODS = {Period.DAY: "24 hours", Period.WEEK: "7 days", Period.MONTH: "30 days"}
_USUAL = Period.WEEK

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/top")
async def show_most_visited(
    request: Request, reader: ReaderDep, factory: StatisticsFactoryDep, period: str = _USUAL
) -> Response:
    """An unknown period is the default one."""
    shown = Period(period) if period in set(Period) else _USUAL
    ranks = await factory.leaderboard.list_top(shown, is_user=reader is not None)
    entries = [each.entry if each.entry.views_left is None else each.entry.without_content() for each in ranks]
    return render(
        request,
        "statistics/top.html",
        period=shown,
        periods=_PERIODS,
        ranks=[(page_entry(entry, factory.public_url), each) for entry, each in zip(entries, ranks, strict=True)],
    )
