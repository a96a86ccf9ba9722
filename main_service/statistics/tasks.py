"""Background work on the leaderboard."""

import asyncio
import logging

from celery import shared_task

from main_service.engines.redis import RedisUnavailableError
from main_service.errors import UnavailableError
from main_service.resources import open_resources
from main_service.settings import load_settings
from main_service.statistics.leaderboard import Leaderboard, Period

logger = logging.getLogger(__name__)


@shared_task(name="main_service.rank_entries")
def rank_entries_task() -> None:
    """Rank the public entries by their visits. Repeatable."""
    asyncio.run(_rank_entries())


async def _rank_entries() -> None:
    settings = load_settings()
    if settings.leaderboard == "off":
        return
    async with open_resources(settings, for_task=True) as resources:
        for period in Period:
            try:
                async with resources.sessions() as session:
                    leaderboard = Leaderboard(session=session, redis=resources.redis, audience=settings.leaderboard)
                    await leaderboard.rewrite(period)
            except (UnavailableError, RedisUnavailableError) as error:
                logger.warning("The ranking of the last %s stays as it is: %r", period, error.__cause__ or error)
