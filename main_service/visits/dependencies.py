"""How a request gets what counts visits."""

from typing import Annotated

from fastapi import Depends

from main_service.dependencies import ResourcesDep, SessionDep
from main_service.entries.dependencies import RightsDep
from main_service.visits.leaderboard import Leaderboard
from main_service.visits.statistics import Statistics


async def get_statistics(session: SessionDep, rights: RightsDep) -> Statistics:
    return Statistics(session=session, rights=rights)


StatisticsDep = Annotated[Statistics, Depends(get_statistics)]


async def get_leaderboard(session: SessionDep, resources: ResourcesDep) -> Leaderboard:
    return Leaderboard(session=session, redis=resources.redis)


LeaderboardDep = Annotated[Leaderboard, Depends(get_leaderboard)]
