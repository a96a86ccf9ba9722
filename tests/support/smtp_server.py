"""A real SMTP server on this machine, which keeps what it takes and refuses what a test tells it to refuse."""

import asyncio
import ssl
import threading
from contextlib import ExitStack
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.ports import reserved_port

WAIT_SECONDS = 120.0


class Inbox:
    """The emails that the server took, and what it is told to refuse."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        """Recipient and email, in the order of their arrival."""
        self.answers: dict[str, str] = {}
        """The answer to a recipient, instead of 250."""
        self.answers_to_data: dict[str, str] = {}
        self.refused_kind = ""
        """A content type of which it takes no email, as if each were too large."""
        self.is_held = False
        """Emails arrive, but the server does not say so until this is False again."""
        self._arrived = threading.Event()

    def clear(self) -> None:
        self.received.clear()
        self.answers.clear()
        self.answers_to_data.clear()
        self.refused_kind = ""
        self._arrived.clear()

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        recipient = envelope.rcpt_tos[0]
        if recipient in self.answers_to_data:
            return self.answers_to_data[recipient]
        if self.refused_kind == parse_email(envelope.content).get_content_type():
            return "552 too large"
        self.received.append((recipient, envelope.content))
        self._arrived.set()
        while self.is_held:
            await asyncio.sleep(0.01)
        return "250 OK"

    def wait_for_an_email(self) -> None:
        assert self._arrived.wait(WAIT_SECONDS), "no email arrived"

    def emails_to(self, recipient: str) -> list[EmailMessage]:
        return [parse_email(content) for to, content in self.received if to == recipient]

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.received]


def parse_email(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=SMTPUTF8)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


class SmtpServer:
    """Listens on a port of its own, which it keeps when it is stopped and started again.

    `credentials`: user and password without which it takes nothing. `tls`: it offers STARTTLS and insists on it;
    `is_tls`: it speaks TLS from the first byte.
    """

    def __init__(
        self,
        *,
        credentials: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        is_tls: bool = False,
        has_utf8: bool = True,
    ) -> None:
        self.inbox = Inbox()
        self._kept = ExitStack()
        self.port = self._kept.enter_context(reserved_port())
        self._arguments: dict[str, Any] = {"enable_SMTPUTF8": has_utf8, "ready_timeout": WAIT_SECONDS}
        if tls is not None:
            self._arguments |= {"ssl_context": tls} if is_tls else {"tls_context": tls, "require_starttls": True}
        if credentials is not None:

            def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
                assert isinstance(data, LoginPassword)
                given = data.login.decode(), data.password.decode()
                # Not handled: the server itself is to answer.
                return AuthResult(success=given == credentials, handled=False)

            # With TLS from the first byte it does not notice that the connection is safe, and would warn.
            self._arguments |= {"authenticator": check, "auth_required": not is_tls, "auth_require_tls": not is_tls}
        self.start()

    def __enter__(self) -> "SmtpServer":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.inbox.is_held = False
        self.stop()
        self._kept.close()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._controller = Controller(self.inbox, hostname="127.0.0.1", port=self.port, **self._arguments)
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()


def text_of_email(email: EmailMessage, kind: str = "plain") -> str:
    body = email.get_body((kind,))
    assert body is not None
    return str(body.get_content())
