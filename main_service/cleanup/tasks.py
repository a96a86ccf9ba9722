"""Background tasks of the clean-up: each minute the texts that are due, hourly what expired, daily what is unused."""

from datetime import timedelta

from main_service.background import Queue, task
from main_service.cleanup.factory import CleanupFactory
from main_service.resources import Resources


@task(every=timedelta(hours=1), queue=Queue.QUICK, log="Ended %d expired entries")
async def end_expired(resources: Resources) -> int:
    """End the entries whose time is over; return how many."""
    return await CleanupFactory(resources).cleanup.end_expired()


@task(every=timedelta(minutes=1), queue=Queue.QUICK, log="Deleted %d texts")
async def delete_bodies(resources: Resources) -> int:
    """Delete the texts that are due; return how many."""
    return await CleanupFactory(resources).cleanup.delete_bodies()


@task(daily_at="02:00", queue=Queue.SLOW, log="Ended %d unused entries")
async def archive_unused(resources: Resources) -> int:
    """End the entries that have not been used for `MAIN_UNUSED_DAYS`; return how many. Without the setting, none."""
    days = resources.settings.unused_days
    return 0 if days is None else await CleanupFactory(resources).unused.end_entries(days=days)


@task(daily_at="02:30", queue=Queue.SLOW, log="Deleted %d accounts that were never confirmed")
async def delete_unconfirmed(resources: Resources) -> int:
    """Delete the accounts that own nothing and were not confirmed in `MAIN_UNCONFIRMED_RETENTION`; return how many.

    Without a mail server none is deleted: their owners could not ask for another email to confirm them.
    """
    retention = resources.settings.unconfirmed_retention
    if retention is None or resources.settings.smtp_url is None:
        return 0
    return await CleanupFactory(resources).unused.delete_unconfirmed_accounts(older_than=retention)
