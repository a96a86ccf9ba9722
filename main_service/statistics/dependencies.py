"""How a request gets what counts visits."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.dependencies import SessionDep, resources_of
from main_service.entries.dependencies import EntryFactoryDep
from main_service.statistics.leaderboard import Leaderboard
from main_service.statistics.service import StatisticsService
from main_service.web.read_limits import read_limits_of


async def get_statistics(
    request: Request,
    session: SessionDep,
    entries: EntryFactoryDep,
) -> StatisticsService:
    """Raises:
    TooManyRequestsError: the client has asked for them too often.
    """
    await read_limits_of(request).statistics.take(request)
    return StatisticsService(session=session, entry_policy=entries.entry_policy, lookup=entries.key_lookup)


StatisticsDep = Annotated[StatisticsService, Depends(get_statistics)]


async def get_leaderboard(request: Request, session: SessionDep) -> Leaderboard:
    """Raises:
    TooManyRequestsError: the client has asked for it too often.
    """
    await read_limits_of(request).statistics.take(request)
    resources = resources_of(request)
    return Leaderboard(session=session, redis=resources.redis, audience=resources.settings.leaderboard)


LeaderboardDep = Annotated[Leaderboard, Depends(get_leaderboard)]
