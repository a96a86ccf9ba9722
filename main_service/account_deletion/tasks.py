"""The background task of account deletion."""

from datetime import timedelta

from main_service.account_deletion.service import Leaving
from main_service.background import Queue, task
from main_service.entries.cache import EntryCache
from main_service.resources import Resources


@task(
    every=timedelta(seconds=10), queue=Queue.SLOW, one_at_a_time=True, log="Took care of %d entries of deleted accounts"
)
async def finish_leaving(resources: Resources) -> int:
    """Take care of the entries of accounts that were deleted; return how many entries."""
    longest = resources.settings.guest_max_lifetime
    return await Leaving(sessions=resources.sessions, cache=EntryCache(resources.redis), longest=longest).finish()
