"""When mail is sent: every ten seconds; and forgotten: daily."""

import asyncio
import logging
from functools import cache
from threading import Lock

from celery import shared_task

from main_service.errors import UnavailableError
from main_service.mail.messages import Letters
from main_service.mail.sender import Mailing, forget_old
from main_service.mail.transport import UnreachableError, create_transport, mail_host
from main_service.resources import open_resources
from main_service.settings import Settings, load_settings

logger = logging.getLogger(__name__)

_sending = Lock()
"""One round at a time in a worker: a slow mail server must not take all its threads from the other tasks."""


@shared_task(name="main_service.send_mail")
def send_mail_task() -> None:
    """Send the letters that are due. Repeatable; what fails is done by a later round."""
    settings = load_settings()
    if settings.smtp_url is None:
        _warn_once()
    elif _sending.acquire(blocking=False):
        try:
            asyncio.run(_send_mail(settings, settings.smtp_url))
        finally:
            _sending.release()


@shared_task(name="main_service.forget_mail")
def forget_mail_task() -> None:
    """Delete the letters of 30 days ago and older. Repeatable."""
    asyncio.run(_forget_mail())


@cache
def _warn_once() -> None:
    logger.warning("MAIN_SMTP_URL is not set: letters wait, and are given up two days after they were written")


async def _send_mail(settings: Settings, smtp_url: str) -> None:
    transport = create_transport(smtp_url, our_host=mail_host(settings.public_url))
    async with open_resources(settings, for_task=True) as resources:
        mailing = Mailing(
            sessions=resources.sessions, transport=transport, files=resources.files, write=Letters(settings).write
        )
        try:
            sent = await mailing.send_due()
        except (UnreachableError, UnavailableError) as error:
            logger.warning("Letters wait: %s", error)
            return
    if sent:
        logger.info("Sent %d letters", sent)


async def _forget_mail() -> None:
    async with open_resources(load_settings(), for_task=True) as resources:
        try:
            forgotten = await forget_old(resources.sessions)
        except UnavailableError as error:
            logger.warning("Old letters are not forgotten yet: %s", error)
            return
    if forgotten:
        logger.info("Forgot %d letters", forgotten)
