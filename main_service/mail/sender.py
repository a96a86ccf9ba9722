"""Sends the emails that are due, each in a transaction of its own: its row is locked until the server has taken it."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.batches import in_batches
from main_service.engines.files import FileStore
from main_service.engines.object_store import ObjectMissingError
from main_service.engines.postgres import Session
from main_service.mail import storage
from main_service.mail.errors import EmailRefusedError, EmailRenderError, MailServerUnavailableError
from main_service.mail.outbox import Mail
from main_service.mail.transport import Transport
from main_service.monitoring import tracing
from main_service.monitoring.metrics import EMAILS_SENT

logger = logging.getLogger(__name__)

ROUND_SECONDS = 8
"""No email is started later in a round: the next round is near, and a worker that stops waits for its round."""
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)
UNREACHABLE_RETRY = timedelta(minutes=1)
"""Constant, so that emails are sent soon after the server returns."""
GIVEN_UP_AFTER = timedelta(days=2)
RETENTION = timedelta(days=30)
ATTEMPTS_WITH_FILE = 3
"""After this many failed attempts, an email is sent without its attachment, which the server may be refusing."""
READ_SECONDS = 10
"""How long reading a file may take. With handing over the email, less than PostgreSQL lets a transaction be idle."""


class MailSender:
    """Sends what is due in the outbox.

    Safe to run twice at once, and again after it was killed: an email that was being sent then is sent again.
    """

    def __init__(
        self,
        *,
        sessions: async_sessionmaker[Session],
        transport: Transport,
        files: FileStore,
        render: Callable[[Mail, bytes | None], EmailMessage],
    ) -> None:
        """`render`: makes the message of a row with the file attached; raises if that can't be done."""
        self._sessions = sessions
        self._transport = transport
        self._files = files
        self._render = render

    async def send_due(self) -> int:
        """Send what is due, for some seconds; return how many emails were sent.

        Raises:
            MailServerUnavailableError: the server is away; all that is due waits for a minute.
            DatabaseUnavailableError: the next round does the rest.
        """
        ends_at = time.monotonic() + ROUND_SECONDS
        async with self._sessions() as session:
            given_up = await storage.give_up_older(session, than=GIVEN_UP_AFTER)
            is_any_due = await storage.has_due(session)
            await session.commit()
        if given_up:
            logger.warning("Gave up %d emails that had waited for %d days", given_up, GIVEN_UP_AFTER.days)
        if not is_any_due:
            return 0
        try:
            # Before any row is locked, because this may take long.
            await self._transport.open()
        except MailServerUnavailableError:
            async with self._sessions() as session:
                await storage.postpone_due(session, by=UNREACHABLE_RETRY)
                await session.commit()
            raise
        sent = 0
        try:
            while time.monotonic() < ends_at:
                was_sent = await self._send_next()
                if was_sent is None:
                    break
                sent += was_sent
        finally:
            await self._transport.close()
        return sent

    async def _send_next(self) -> bool | None:
        """Whether an email was sent; None: none is due."""
        async with self._sessions() as session:
            mail = await storage.take_due(session)
            if mail is None:
                return None
            with tracing.continued("send email", mail.trace_parent):
                failure = await self._try(mail)
                await self._note(session, mail, failure)
                await session.commit()
        if failure is None:
            EMAILS_SENT.inc()
        if isinstance(failure, MailServerUnavailableError):
            raise failure
        return failure is None

    async def _note(self, session: Session, mail: Mail, failure: Exception | None) -> None:
        """Store what came of an email."""
        if failure is None:
            await storage.note_sent(session, mail.id)
            return
        tracing.note_failure(failure)
        is_refused = isinstance(failure, EmailRefusedError) and failure.is_permanent
        if is_refused and mail.attachment is not None:
            # It may be too large for this server. Without the file, the email still has the link to it.
            await storage.drop_attachment(session, mail.id)
            logger.warning("Email %d (%s) goes without its attachment: %s", mail.id, mail.template, _describe(failure))
        elif is_refused or isinstance(failure, EmailRenderError):
            await storage.note_failed(session, mail.id)
            logger.error("Gave up email %d (%s): %s", mail.id, mail.template, _describe(failure))
        else:
            await storage.note_attempt(session, mail.id, next_in=_pause_after(mail.attempts))
            logger.warning("Email %d (%s) waits: %s", mail.id, mail.template, _describe(failure))

    async def _try(self, mail: Mail) -> Exception | None:
        try:
            await self._transport.send(self._render(mail, await self._read_file(mail)))
        except Exception as failure:
            # A problem with one email, even a bug of ours, must not hold up the others.
            return failure
        return None

    async def _read_file(self, mail: Mail) -> bytes | None:
        """The content of the attachment; None: there is none, or none any more.

        Raises:
            BodyStoreUnavailableError, TimeoutError: the store does not answer; a later try may get it.
        """
        if mail.attachment is None or mail.attempts >= ATTEMPTS_WITH_FILE:
            return None
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self._files.get(UUID(mail.attachment["file_id"]))
        except ObjectMissingError:
            logger.warning("Email %d (%s) goes without its attachment, which is gone", mail.id, mail.template)
            return None


async def purge_old(sessions: async_sessionmaker[Session]) -> int:
    """Delete the emails that were enqueued longer ago than `RETENTION`; return how many. Repeatable."""
    return await in_batches(sessions, partial(storage.purge_older, than=RETENTION))


def _pause_after(attempts: int) -> timedelta:
    """How long an email waits after a failure. `attempts`: how many there were before this one."""
    return min(FIRST_RETRY * (1 << min(attempts, 16)), LONGEST_RETRY)


def _describe(failure: Exception) -> str:
    """A failure for the log, without the messages of other libraries: they could contain the address or a value."""
    is_ours = isinstance(failure, MailServerUnavailableError | EmailRefusedError | EmailRenderError)
    return str(failure) if is_ours else type(failure).__name__
