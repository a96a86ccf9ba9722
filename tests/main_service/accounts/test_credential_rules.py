"""Which emails and usernames an account can have, and which spellings lead to it."""

from itertools import cycle, islice

import httpx
import pytest

from main_service.accounts.sign_in_limits import PER_NAME
from main_service.mail.recipients import Recipients
from tests.support.accounts import PASSWORD, insert_account, new_email, new_user, new_username
from tests.support.create_superuser import refusal
from tests.support.engines import Environment
from tests.support.smtp_server import SmtpServer
from tests.support.web import WebServer


def attempt(client: httpx.Client, name: str, password: str, *, address: str = "203.0.113.7") -> int:
    headers = {"X-Forwarded-For": address}
    body = {"email": name, "password": password}
    return client.post("/api/v1/auth/token", json=body, headers=headers).status_code


@pytest.mark.parametrize(
    ("registered", "spellings"),
    [
        ("i{}@example.org", ["I{}@example.org", "İ{}@example.org", "ı{}@example.org", "i\u0307{}@example.org"]),
        ("İ{}@example.org", ["i\u0307{}@example.org", "i{}@example.org", "I\u0307{}@example.org"]),
        ("k{}@example.org", ["K{}@example.org", "\u212a{}@example.org"]),
        ("s{}@example.org", ["S{}@example.org", "ſ{}@example.org"]),
        ("ſ{}@example.org", ["s{}@example.org", "S{}@example.org"]),
        ("ß{}@example.org", ["ẞ{}@example.org", "ss{}@example.org", "SS{}@example.org"]),
        ("σας{}ς@example.org", ["ΣΑΣ{}Σ@example.org", "σασ{}σ@example.org", "Σας{}Σ@example.org"]),
        ("é{}@example.org", ["e\u0301{}@example.org", "É{}@example.org"]),
        ("x{}@bücher.example", ["x{}@BÜCHER.example", "x{}@xn--bcher-kva.example", "x{}@bu\u0308cher.example"]),
        ("ki{}", ["KI{}", "\u212ai{}", "Kİ{}", "kı{}"]),
        ("sa{}", ["SA{}", "ſa{}"]),
    ],
)
def test_no_spelling_of_a_name_multiplies_the_limit(proxied: WebServer, registered: str, spellings: list[str]) -> None:
    client, number = proxied.client, new_username()[-12:]
    name, *others = (spelling.format(number) for spelling in (registered, *spellings))
    is_email = "@" in name
    insert_account(client, name if is_email else new_email(), None if is_email else name)
    if is_email and name.endswith("bücher.example"):
        # As registering writes it.
        insert_account(client, f"x{number}@xn--bcher-kva.example")

    assert attempt(client, name, PASSWORD) == 200, "as it was registered"
    leading = [name, *(other for other in others if attempt(client, other, PASSWORD) == 200)]

    answers = [
        attempt(client, spelling, "Wrong-pass1", address=f"203.0.113.{at}")
        for at, spelling in enumerate(islice(cycle(leading), PER_NAME.amount + 1))
    ]
    assert answers.count(401) <= PER_NAME.amount
    assert {attempt(client, spelling, PASSWORD, address="203.0.113.99") for spelling in leading} == {429}


def test_user_name_is_told_apart_from_what_only_looks_like_it(proxied: WebServer) -> None:
    client, number = proxied.client, new_username()[-12:]
    insert_account(client, new_email(), f"ki{number}")

    for name in (f"\u212ai{number}", f"kİ{number}", f"kı{number}", f"ｋi{number}"):
        assert attempt(client, name, PASSWORD) == 401, ascii(name)


def ask(client: httpx.Client, email: str) -> tuple[int, str | None]:
    answer = client.post("/api/v1/auth/register", json={"email": email, "password": PASSWORD})
    return answer.status_code, answer.json().get("code")


def test_address_that_our_mail_server_can_not_send_to_is_refused_when_it_is_given(environment: Environment) -> None:
    foreign = f"jörg-{new_username()}@example.org"
    with SmtpServer(has_utf8=False) as server:
        settings = environment | {"MAIN_SMTP_URL": server.url}
        with WebServer(settings) as web:
            user = new_user(web.client)
            assert ask(web.client, foreign) == (422, "email_undeliverable")
            change = {"email": foreign, "password": PASSWORD}
            changed = web.client.patch("/api/v1/users/me", json=change, headers=user.headers)
            assert (changed.status_code, changed.json()["errors"][0]["field"]) == (422, "email")
            assert ask(web.client, f"plain-{new_username()}@bücher.example") == (201, None)
        assert "email: We can't send to this email" in refusal(settings, "--email", foreign)


async def test_mail_server_is_asked_once_and_believed_only_if_it_answers() -> None:
    with SmtpServer() as server:
        able = Recipients(server.url, our_host="slipbin.test")
        assert await able.can_be_sent_to("jörg@example.org")
    assert await able.can_be_sent_to("jürgen@example.org")
    away = Recipients(server.url, our_host="slipbin.test")
    assert await away.can_be_sent_to("jörg@example.org")
    for url in (None, "file:///tmp/outbox"):
        assert await Recipients(url, our_host="slipbin.test").can_be_sent_to("jörg@example.org")
