"""Which addresses the mail server has a way to send to: one that isn't ASCII needs SMTPUTF8 (RFC 6531)."""

import asyncio
import logging
import time

from main_service.mail.errors import MailServerUnavailableError
from main_service.mail.transport import SmtpServer, offers_utf8, read_smtp_url

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 3.0
"""How long asking the server may take: registering waits for it."""
KNOWN_SECONDS = 3600.0
"""How long an answer holds."""
ASK_AGAIN_SECONDS = 60.0
"""How long a server that did not answer is not asked again."""


class Recipients:
    """One per process. Asks the mail server only about an address that isn't ASCII, and remembers what it said."""

    def __init__(self, smtp_url: str | None, *, our_host: str) -> None:
        """`smtp_url`: None: there is no server. `our_host`: the host name that we introduce ourselves with."""
        is_server = smtp_url is not None and not smtp_url.startswith("file:")
        self._server: SmtpServer | None = read_smtp_url(smtp_url or "") if is_server else None
        self._our_host = our_host
        self._offers_utf8 = True
        self._ask_again_at = 0.0
        self._asking = asyncio.Lock()

    async def can_be_sent_to(self, address: str) -> bool:
        """Whether emails to `address` may arrive; False only if the server has said that they can't."""
        if self._server is None or address.isascii():
            return True
        async with self._asking:
            if time.monotonic() >= self._ask_again_at:
                self._ask_again_at = time.monotonic() + await self._ask(self._server)
        return self._offers_utf8

    async def _ask(self, server: SmtpServer) -> float:
        """Ask the server; return for how many seconds the answer holds."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._offers_utf8 = await offers_utf8(server, our_host=self._our_host, seconds=ANSWER_SECONDS)
        except (MailServerUnavailableError, TimeoutError) as error:
            logger.warning("Whether the mail server takes addresses that are not ASCII is not known: %r", error)
            return ASK_AGAIN_SECONDS
        return KNOWN_SECONDS
