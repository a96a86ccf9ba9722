"""What a reader gets: both parts, the headers, and nothing that a value could add to them."""

import re
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import asyncpg
import pytest

from tests.support.mail import EnqueueEmail, MailWorker
from tests.support.smtp_server import Inbox

BOB = "bob@example.org"
LINK = "https://paste.example.org/x/" + "a-long-token-" * 30
TEMPLATES = {
    "confirm": {"username": "bob", "link": LINK, "hours": "24"},
    "taken": {"link_reset": LINK},
    "reset": {"link": LINK, "hours": "1"},
    "email_changed": {"new_email": "new@example.org"},
    "confirm_new": {"link": LINK, "hours": "24"},
}
HEADERS = {"Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize("template", TEMPLATES)
async def test_every_email_says_the_same_in_text_and_html(
    enqueue_email: EnqueueEmail, mail_worker: MailWorker, inbox: Inbox, template: str
) -> None:
    await enqueue_email(BOB, template=template, values=TEMPLATES[template])
    mail_worker.run()
    (message,) = inbox.emails_to(BOB)
    text, html = part(message, "plain"), part(message, "html")

    assert message.get_content_type() == "multipart/alternative"
    for name, value in TEMPLATES[template].items():
        assert value in text
        assert value in html
        if name.startswith("link"):
            assert value in text.splitlines(), "a link has a line of its own"
            assert f'<a href="{value}">' in html
    for content in (message["Subject"], text, html):
        assert "Slipbin" in content
    for content in (text, html):
        assert "If it wasn't you" in content
        assert not re.search(r"\{[{%#]", content)
    assert not re.search(r"<(img|script|link|style|iframe)|url\(|(?<!light )color:", html)
    assert re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html.split("<body")[1])).count("work") == text.count("work")


async def test_headers_say_who_when_and_that_a_program_wrote_it(
    enqueue_email: EnqueueEmail, mail_worker: MailWorker, inbox: Inbox, mail_database: asyncpg.Connection
) -> None:
    await enqueue_email(BOB)
    mail_worker.run()
    (message,) = inbox.emails_to(BOB)
    row = await mail_database.fetchrow("SELECT id, created_at FROM mail")

    assert message["From"] == "Slipbin <noreply@paste.example.org>"
    assert message["To"] == BOB
    assert parsedate_to_datetime(message["Date"]) == row["created_at"].replace(microsecond=0)
    assert re.fullmatch(rf"<\d{{14}}\.{row['id']}@paste\.example\.org>", message["Message-ID"])
    assert message["Auto-Submitted"] == "auto-generated"


async def test_a_value_changes_neither_the_headers_nor_the_paragraphs(
    enqueue_email: EnqueueEmail, mail_worker: MailWorker, inbox: Inbox
) -> None:
    evil = 'x\r\nBcc: eve@example.org\r\n\r\nPay here:\u2028<b>&"</b>\x0b\x85!'
    for template, values in TEMPLATES.items():
        await enqueue_email(BOB, template=template, values=dict.fromkeys(values, evil) | {"hours": "1"})
    mail_worker.run()

    assert inbox.recipients == [BOB] * len(TEMPLATES)
    for message in inbox.emails_to(BOB):
        assert set(message.keys()) - {"X-Peer", "X-MailFrom", "X-RcptTo"} == HEADERS
        assert len(message.keys()) == len(set(message.keys()))
        text, html = part(message, "plain"), part(message, "html")
        assert 'x Bcc: eve@example.org Pay here: <b>&"</b> !' in text
        assert "&lt;b&gt;&amp;&#34;&lt;/b&gt;" in html
        assert "<b>" not in html


async def test_names_and_addresses_need_not_be_ascii(
    enqueue_email: EnqueueEmail, mail_worker: MailWorker, inbox: Inbox
) -> None:
    values = {"username": "Jörg 🦉", "link": LINK, "hours": "24"}
    await enqueue_email("jörg@пример.example", template="confirm", values=values)
    mail_worker.run()
    (message,) = inbox.emails_to("jörg@пример.example")

    assert message["To"] == "jörg@пример.example"
    assert "Hello Jörg 🦉," in part(message, "plain")
    assert "Hello Jörg 🦉," in part(message, "html")
