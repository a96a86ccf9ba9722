"""Sends emails by SMTP, or writes them as files into a folder, as MAIN_SMTP_URL says.

A server of `smtp://` must offer STARTTLS unless it is on this machine (loopback); `?starttls=always` and
`?starttls=never` decide otherwise. Certificates are verified, with the authorities that OpenSSL knows: SSL_CERT_FILE
in the environment names a file with others.
"""

import asyncio
import os
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTPUTF8
from functools import partial
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from main_service.mail.errors import EmailRefusedError, MailServerUnavailableError

SMTP_SECONDS = 20
"""How long connecting, and each answer of the server, may take."""
EMAIL_SECONDS = 45
"""How long one email may take: less than the 60 s after which PostgreSQL ends the transaction that holds its row."""
_TOO_BUSY = 421
"""The SMTP code of a server that ends the connection, whatever the email."""

Result = TypeVar("Result")


class Transport(Protocol):
    """What emails are sent by: a mail server, or a folder."""

    async def open(self) -> None:
        """Get ready to send.

        Raises:
            MailServerUnavailableError: the server or folder can't be used.
        """

    async def send(self, message: EmailMessage) -> None:
        """Send one email; the server has taken it when this returns.

        Raises:
            MailServerUnavailableError: the server broke off; the email may have arrived all the same.
            EmailRefusedError: the server refuses this email.
        """

    async def close(self) -> None:
        """Close what `open` opened, if anything."""


@dataclass(frozen=True)
class SmtpServer:
    """A mail server, as MAIN_SMTP_URL names it."""

    host: str
    port: int
    is_tls: bool
    """Whether TLS begins with the first byte."""
    is_starttls: bool
    user: str = ""
    password: str = field(default="", repr=False)


def read_smtp_url(url: str) -> SmtpServer:
    """The server of an `smtp://` or `smtps://` URL that the settings have accepted."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_tls = parts.scheme == "smtps"
    starttls = parse_qs(parts.query).get("starttls", ["never" if _is_loopback(host) else "always"])[0]
    return SmtpServer(
        host=host,
        port=parts.port or (465 if is_tls else 587),
        is_tls=is_tls,
        is_starttls=not is_tls and starttls == "always",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def create_transport(url: str, *, our_host: str) -> Transport:
    """What sends to a URL of MAIN_SMTP_URL. `our_host`: the host name that we introduce ourselves with."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderTransport(Path(unquote(parts.path)))
    return SmtpTransport(read_smtp_url(url), our_host=our_host)


class SmtpTransport:
    """One connection, kept from email to email."""

    def __init__(self, server: SmtpServer, *, our_host: str) -> None:
        self._server = server
        self._our_host = our_host
        self._smtp: smtplib.SMTP | None = None

    async def open(self) -> None:
        self._smtp = await _opened(partial(_connect, self._server, our_host=self._our_host, seconds=SMTP_SECONDS))

    async def send(self, message: EmailMessage) -> None:
        assert self._smtp is not None, "open() comes first"
        sending = asyncio.ensure_future(asyncio.to_thread(_send, self._smtp, message))
        done, _ = await asyncio.wait([sending], timeout=EMAIL_SECONDS)
        if not done:
            # Ends the thread's wait too.
            self._break_off()
        await sending

    async def close(self) -> None:
        if self._smtp is not None:
            with suppress(OSError):
                await asyncio.to_thread(self._smtp.quit)
            self._smtp.close()

    def _break_off(self) -> None:
        connection = self._smtp.sock if self._smtp is not None else None
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


async def offers_utf8(server: SmtpServer, *, our_host: str, seconds: float) -> bool:
    """Whether a server takes addresses that are not ASCII, asked without signing in.

    `seconds`: for connecting, and for each answer.

    Raises:
        MailServerUnavailableError: the server is away.
    """

    def ask() -> bool:
        smtp = _connect(server, our_host=our_host, seconds=seconds, signs_in=False)
        # `quit` clears what the server said.
        has_it = smtp.has_extn("smtputf8")
        with suppress(OSError):
            smtp.quit()
        smtp.close()
        return has_it

    return await _opened(ask)


def try_server(server: SmtpServer, *, our_host: str, seconds: float) -> None:
    """Connect and sign in as for sending, then disconnect. `seconds`: for connecting, and for each answer.

    Raises:
        OSError: as smtplib and the network raise it, the words of the server included. They could repeat a password:
            do not show them.
    """
    smtp = _connect(server, our_host=our_host, seconds=seconds)
    with suppress(OSError):
        smtp.quit()
    smtp.close()


async def _opened(connect: Callable[[], Result]) -> Result:
    try:
        return await asyncio.to_thread(connect)
    except (OSError, ValueError) as error:
        # A server's message could repeat the password.
        code = f" {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
        raise MailServerUnavailableError(f"{type(error).__name__}{code}") from None


def _connect(server: SmtpServer, *, our_host: str, seconds: float, signs_in: bool = True) -> smtplib.SMTP:
    context = ssl.create_default_context()
    new = partial(smtplib.SMTP_SSL, context=context) if server.is_tls else smtplib.SMTP
    # Without a host name, smtplib would ask the resolver for one.
    smtp = new(server.host, server.port, local_hostname=our_host, timeout=seconds)
    try:
        if server.is_starttls:
            smtp.starttls(context=context)
        smtp.ehlo_or_helo_if_needed()
        if signs_in and server.user:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _send(smtp: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        smtp.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        raise _refusal(*(code for code, _ in error.recipients.values())) from None
    except smtplib.SMTPSenderRefused as error:
        # The server refuses our address, not the recipient: a later attempt may succeed.
        raise _refusal(error.smtp_code, may_be_permanent=False) from None
    except smtplib.SMTPDataError as error:
        raise _refusal(error.smtp_code) from None
    except smtplib.SMTPNotSupportedError:
        # An address that is not ASCII, and a server without SMTPUTF8: as 553, "mailbox name not allowed".
        raise EmailRefusedError(553, is_permanent=True) from None
    except OSError as error:
        raise MailServerUnavailableError(type(error).__name__) from None


def _refusal(code: int, *, may_be_permanent: bool = True) -> MailServerUnavailableError | EmailRefusedError:
    if code == _TOO_BUSY:
        return MailServerUnavailableError(f"refused with {code}")
    return EmailRefusedError(code, is_permanent=may_be_permanent and code >= 500)


class FolderTransport:
    """Writes each email as a file, named after its Message-ID."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def open(self) -> None:
        try:
            await asyncio.to_thread(self._folder.mkdir, mode=0o700, exist_ok=True)
        except OSError as error:
            raise MailServerUnavailableError(f"the folder of emails can't be used: {error.strerror}") from error

    async def send(self, message: EmailMessage) -> None:
        name = re.sub(r"[^\w.@-]", "_", message["Message-ID"].strip("<>"))
        content = message.as_bytes(policy=SMTPUTF8.clone(linesep="\n"))
        try:
            await asyncio.to_thread(self._write, f"{name}.eml", content)
        except OSError as error:
            raise MailServerUnavailableError(f"the folder of emails can't be used: {error.strerror}") from error

    async def close(self) -> None:
        """Do nothing: nothing is kept open."""

    def _write(self, name: str, content: bytes) -> None:
        unfinished = self._folder / f".{name}.{os.getpid()}"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._folder / name)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def mail_host(public_url: str) -> str:
    """The host of MAIN_PUBLIC_URL as it stands in mail addresses: ASCII, an IPv6 address in brackets."""
    host = urlsplit(public_url).hostname or "localhost"
    try:
        address = ip_address(host)
    except ValueError:
        return host.encode("idna").decode()
    return f"[IPv6:{address}]" if isinstance(address, IPv6Address) else host
