"""The background task of the leaderboard."""

from datetime import timedelta

from main_service.background import Queue, task
from main_service.resources import Resources
from main_service.statistics.leaderboard import Leaderboard, Period


@task(every=timedelta(minutes=1), queue=Queue.QUICK)
async def rank_entries(resources: Resources) -> None:
    """Rank the public entries by their visits, if the service shows a leaderboard."""
    audience = resources.settings.leaderboard
    if audience == "off":
        return
    for period in Period:
        async with resources.sessions() as session:
            await Leaderboard(session=session, redis=resources.redis, audience=audience).rewrite(period)
