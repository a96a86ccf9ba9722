"""The background task of the leaderboard."""

from datetime import timedelta

from main_service.background import Queue, task
from main_service.errors import UnavailableError
from main_service.resources import Resources
from main_service.statistics.factory import StatisticsFactory
from main_service.statistics.leaderboard import Period


@task(every=timedelta(minutes=1), queue=Queue.QUICK)
async def rank_entries(resources: Resources) -> None:
    """Rank the public entries by their visits, if the service shows a leaderboard."""
    if resources.settings.leaderboard == "off":
        return
    failure: UnavailableError | None = None
    for period in Period:
        try:
            async with resources.sessions() as session:
                await StatisticsFactory(resources, session).leaderboard.rewrite(period)
        except UnavailableError as error:
            # Go on with the others: a statement may be too slow for one period only.
            failure = error
    if failure is not None:
        raise failure
