"""Background tasks of mail: what is due is sent every ten seconds, what is old is deleted daily."""

import logging
from datetime import timedelta
from functools import cache

from main_service.background import Queue, task
from main_service.mail.factory import MailFactory
from main_service.mail.sender import purge_old
from main_service.resources import Resources

logger = logging.getLogger(__name__)


@task(every=timedelta(seconds=10), queue=Queue.QUICK, one_at_a_time=True, log="Sent %d emails")
async def send_mail(resources: Resources) -> int:
    """Send the emails that are due; return how many were sent."""
    smtp_url = resources.settings.smtp_url
    if smtp_url is None:
        _warn_once()
        return 0
    return await MailFactory(resources).sender(smtp_url).send_due()


@task(daily_at="01:30", queue=Queue.SLOW, name="forget_mail", log="Purged %d emails")
async def purge_mail(resources: Resources) -> int:
    """Delete the emails that were enqueued 30 days ago or earlier; return how many."""
    return await purge_old(resources.sessions)


@cache
def _warn_once() -> None:
    logger.warning("MAIN_SMTP_URL is not set: emails wait, and are given up after two days")
