"""Ways that emails leave: STARTTLS, TLS, a login, a folder; and servers that are not trusted with them."""

import ssl
import stat
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
from pydantic import ValidationError

from main_service.settings import Settings
from tests.support.certificates import make_certificate, server_context
from tests.support.engines import Environment
from tests.support.mail import EnqueueEmail, MailWorker
from tests.support.smtp_server import Inbox, SmtpServer, parse_email

BOB = "bob@example.org"
USER, PASSWORD = "slip@bin", "p@ss:w/rd%"
LOGIN = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by ourselves for 127.0.0.1; a file with its key."""
    return make_certificate(tmp_path_factory.mktemp("certificate") / "certificate.pem")


@pytest.fixture(scope="module")
def tls(certificate: Path) -> ssl.SSLContext:
    return server_context(certificate)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_emails_leave_encrypted_after_a_login_if_the_certificate_is_good(
    enqueue_email: EnqueueEmail,
    mail_environment: Environment,
    mail_database: asyncpg.Connection,
    certificate: Path,
    tls: ssl.SSLContext,
    tmp_path: Path,
    scheme: str,
) -> None:
    with SmtpServer(credentials=(USER, PASSWORD), tls=tls, is_tls=scheme == "smtps") as server:
        query = "?starttls=always" if scheme == "smtp" else ""
        url = f"{scheme}://{LOGIN}@127.0.0.1:{server.port}{query}"
        await enqueue_email(BOB)

        with MailWorker(mail_environment | {"MAIN_SMTP_URL": url}, tmp_path / "log") as careful:
            log = careful.run()
        assert log == "WARNING send_mail is put off to its next round: SSLCertVerificationError\n"
        assert server.inbox.recipients == []

        await mail_database.execute("UPDATE mail SET due_at = now()")
        trusting = mail_environment | {"MAIN_SMTP_URL": url, "SSL_CERT_FILE": str(certificate)}
        with MailWorker(trusting, tmp_path / "log") as process:
            assert process.run() == "INFO Sent 1 emails\n"
        assert server.inbox.recipients == [BOB]

        wrong = trusting | {"MAIN_SMTP_URL": url.replace(LOGIN, "slipbin:not-the-password")}
        await enqueue_email("eve@example.org")
        with MailWorker(wrong, tmp_path / "log") as process:
            assert process.run() == "WARNING send_mail is put off to its next round: SMTPAuthenticationError 535\n"


async def test_a_server_that_offers_no_encryption_gets_nothing_when_it_is_required(
    enqueue_email: EnqueueEmail, smtp: SmtpServer, inbox: Inbox, mail_environment: Environment, tmp_path: Path
) -> None:
    await enqueue_email(BOB)
    environment = mail_environment | {"MAIN_SMTP_URL": f"{smtp.url}?starttls=always"}
    with MailWorker(environment, tmp_path / "log") as process:
        assert process.run() == "WARNING send_mail is put off to its next round: SMTPNotSupportedError\n"
    assert inbox.recipients == []


async def test_an_address_that_the_server_has_no_letters_for_is_given_up(
    enqueue_email: EnqueueEmail, mail_environment: Environment, tmp_path: Path
) -> None:
    await enqueue_email("jörg@example.org")
    with (
        SmtpServer(has_utf8=False) as server,
        MailWorker(mail_environment | {"MAIN_SMTP_URL": server.url}, tmp_path / "log") as process,
    ):
        assert "refused with 553" in process.run()


async def test_a_folder_gets_each_email_as_a_file_of_its_own(
    enqueue_email: EnqueueEmail, mail_environment: Environment, mail_database: asyncpg.Connection, tmp_path: Path
) -> None:
    outbox = tmp_path / "out box"
    environment = mail_environment | {
        "MAIN_SMTP_URL": f"file://{quote(str(outbox))}",
        "MAIN_MAIL_FROM": "Jörg's Slips <slips@example.org>",
    }
    link = "https://paste.example.org/reset/" + "a-long-token-" * 30
    for recipient in (BOB, "jörg@example.org"):
        await enqueue_email(recipient, values={"link": link, "hours": "1"})
    with MailWorker(environment, tmp_path / "log") as process:
        assert process.run() == "INFO Sent 2 emails\n"

    files = sorted(outbox.iterdir())
    messages = [parse_email(file.read_bytes()) for file in files]
    assert sorted(message["To"] for message in messages) == [BOB, "jörg@example.org"]
    for file, message in zip(files, messages, strict=True):
        assert message["Message-ID"] == f"<{file.name.removesuffix('.eml')}>"
        assert message["From"] == "Jörg's Slips <slips@example.org>"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        # The link can be copied from the file.
        assert link in file.read_text().splitlines()
    assert stat.S_IMODE(outbox.stat().st_mode) == 0o700
    assert await mail_database.fetchval("SELECT count(sent_at) FROM mail") == 2


async def test_emails_wait_while_their_folder_cannot_be_used(
    enqueue_email: EnqueueEmail, mail_environment: Environment, mail_database: asyncpg.Connection, tmp_path: Path
) -> None:
    outbox = tmp_path / "outbox"
    outbox.write_text("in the way")
    await enqueue_email(BOB)
    with MailWorker(mail_environment | {"MAIN_SMTP_URL": f"file://{outbox}"}, tmp_path / "log") as process:
        put_off = "send_mail is put off to its next round"
        assert process.run() == f"WARNING {put_off}: the folder of emails can't be used: File exists\n"
        outbox.unlink()
        await mail_database.execute("UPDATE mail SET due_at = now()")
        process.run()
    assert len(list(outbox.iterdir())) == 1


@pytest.mark.parametrize(
    "url",
    [
        "mail.example:25",
        "http://mail.example",
        "smtp://",
        "smtp://slipbin@mail.example",
        "smtp://slipbin:hunter2@mail.example/x",
        "smtp://slipbin:hunter2@mail.example:port",
        "smtps://slipbin:hunter2@mail.example?starttls=never",
        "smtp://slipbin:hunter2@mail.example?starttls=maybe",
        "file://outbox",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_shown(mail_environment: Environment, url: str) -> None:
    settings = {name.removeprefix("MAIN_").lower(): value for name, value in mail_environment.items()}
    with pytest.raises(ValidationError) as refused:
        Settings(
            **{name: value for name, value in settings.items() if name in Settings.model_fields} | {"smtp_url": url}
        )
    (error,) = refused.value.errors()
    assert error["loc"] == ("smtp_url",)
    assert "hunter2" not in error["msg"]
