"""The factory of statistics for a request, which counts against the limit of its client."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.dependencies import SessionDep, resources_of
from main_service.entries.dependencies import entry_factory_of
from main_service.statistics.factory import StatisticsFactory
from main_service.statistics.filters import read_filters
from main_service.web.read_limits import read_limits_of

FILTERED_COST = 5
"""How many requests a filtered one counts as, because it reads single visits."""


async def get_statistics_factory(request: Request, session: SessionDep) -> StatisticsFactory:
    """The factory of a request.

    Raises:
        TooManyRequestsError: the client has read statistics too often.
    """
    # An API route refuses what it doesn't know, so only pages have filters.
    cost = FILTERED_COST if read_filters(request.query_params) else 1
    await read_limits_of(request).statistics.take(request, cost=cost)
    return StatisticsFactory(resources_of(request), session, entries=entry_factory_of(request, session))


StatisticsFactoryDep = Annotated[StatisticsFactory, Depends(get_statistics_factory)]
