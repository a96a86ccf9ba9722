"""Background tasks of the clean-up: each minute the texts that are due, hourly what expired, daily what is unused."""

from datetime import timedelta

from main_service.background import Queue, task
from main_service.cleanup import service
from main_service.cleanup.service import Archive, Cleanup
from main_service.entries.cache import EntryCache
from main_service.resources import Resources


@task(every=timedelta(hours=1), queue=Queue.QUICK, log="Ended %d expired entries")
async def end_expired(resources: Resources) -> int:
    """Mark the entries whose time is over as ended; return how many."""
    return await cleanup_of(resources).end_expired()


@task(every=timedelta(minutes=1), queue=Queue.QUICK, log="Deleted %d texts")
async def delete_bodies(resources: Resources) -> int:
    """Delete the texts that are due; return how many."""
    return await cleanup_of(resources).delete_bodies()


@task(daily_at="02:00", queue=Queue.SLOW, log="Ended %d unused entries")
async def archive_unused(resources: Resources) -> int:
    """End the entries that have not been used for `MAIN_UNUSED_DAYS`; return how many. Without the setting, none."""
    days = resources.settings.unused_days
    return 0 if days is None else await archive_of(resources).archive_unused(days)


@task(daily_at="02:30", queue=Queue.SLOW, log="Deleted %d accounts that were never confirmed")
async def delete_unconfirmed(resources: Resources) -> int:
    """Delete the accounts that own nothing and were not confirmed in `MAIN_UNCONFIRMED_RETENTION`; return how many.

    Without a mail server none is deleted: their owners could not ask for another email to confirm them.
    """
    retention = resources.settings.unconfirmed_retention
    if retention is None or resources.settings.smtp_url is None:
        return 0
    return await service.delete_unconfirmed(resources.sessions, older_than=retention)


def cleanup_of(resources: Resources) -> Cleanup:
    retention = resources.settings.archive_retention
    return Cleanup(sessions=resources.sessions, bodies=resources.bodies, archive_retention=retention)


def archive_of(resources: Resources) -> Archive:
    return Archive(sessions=resources.sessions, cache=EntryCache(resources.redis))
