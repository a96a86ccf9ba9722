"""The background task of account deletion."""

from datetime import timedelta

from main_service.account_deletion.factory import create_releaser
from main_service.background import Queue, task
from main_service.resources import Resources


@task(
    every=timedelta(seconds=10),
    queue=Queue.SLOW,
    name="finish_leaving",
    one_at_a_time=True,
    log="Ended or released %d entries of deleted accounts",
)
async def release_entries(resources: Resources) -> int:
    """End or release the entries of deleted accounts; return how many."""
    return await create_releaser(resources).release_all()
