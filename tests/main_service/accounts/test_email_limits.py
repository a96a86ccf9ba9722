"""How many accounts a client may register, how many emails it may cause, and how many a recipient gets."""

from collections.abc import Iterator

import asyncpg
import httpx
import pytest

from main_service.accounts.emails import FROM_ALL_FACTOR
from tests.support.accounts import PASSWORD, emails_to, insert_account, new_email, new_user, register_on_page
from tests.support.engines import NO_LIMITS, Environment
from tests.support.pages import send_and_follow, send_urlencoded_form, visible_text
from tests.support.web import WebServer, use_new_address

MAX_ACCOUNTS, MAX_EMAILS, MAX_TO_RECIPIENT = 2, 6, 3
FORGOT = "/api/v1/auth/forgot-password"
RESEND = "/api/v1/auth/verify/resend"


@pytest.fixture(scope="module")
def email_limited(environment: Environment) -> Iterator[WebServer]:
    """A web process with a low limit that believes what `X-Forwarded-For` says."""
    limits = {
        "MAIN_TRUSTED_PROXIES": "127.0.0.1",
        "MAIN_LIMIT_REGISTRATIONS": f"{MAX_ACCOUNTS}/day",
        "MAIN_LIMIT_EMAILS": f"{MAX_EMAILS}/day",
        "MAIN_LIMIT_EMAILS_PER_RECIPIENT": f"{MAX_TO_RECIPIENT}/day",
    }
    with WebServer(environment | NO_LIMITS | limits) as server:
        yield server


@pytest.fixture
def email_limited_client(email_limited: WebServer) -> Iterator[httpx.Client]:
    """A client with an address that no other test uses."""
    with email_limited.new_client() as client:
        use_new_address(client)
        yield client


def ask_to_register(client: httpx.Client, **fields: str) -> httpx.Response:
    return client.post("/api/v1/auth/register", json={"email": new_email(), "password": PASSWORD, **fields})


async def test_client_registers_so_many_accounts_by_both_ways_and_is_then_told_when_to_come_back(
    email_limited_client: httpx.Client, database: asyncpg.Connection
) -> None:
    weak = [ask_to_register(email_limited_client, password="weak").status_code for _ in range(2 * MAX_ACCOUNTS)]
    made = [
        ask_to_register(email_limited_client).status_code,
        send_urlencoded_form(
            email_limited_client, "/register", "/register", email=new_email(), username="", password=PASSWORD
        ).status_code,
    ]
    email = new_email()
    refused = ask_to_register(email_limited_client, email=email)
    page = send_urlencoded_form(
        email_limited_client, "/register", "/register", email=email, username="", password=PASSWORD
    )

    assert set(weak) == {422}, "what is refused for another reason costs nothing"
    assert made == [201, 303]
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_registrations")
    assert page.status_code == 429
    assert "Try again in 12 hours" in visible_text(page)
    for answer in (refused, page):
        assert 0 < int(answer.headers["retry-after"]) <= 86_400 // MAX_ACCOUNTS
        assert '"registrations-day";r=0;' in answer.headers["ratelimit"]
    assert await database.fetchval("SELECT count(*) FROM account WHERE email = $1", email) == 0
    assert await emails_to(database, email) == []


@pytest.mark.parametrize("path", [FORGOT, RESEND])
async def test_client_causes_so_many_emails_whether_or_not_the_addresses_have_accounts(
    email_limited_client: httpx.Client, database: asyncpg.Connection, path: str
) -> None:
    emails = [new_email() for _ in range(MAX_EMAILS + 2)]
    for email in emails[::2]:
        insert_account(email_limited_client, email)

    answers = [email_limited_client.post(path, json={"email": email}) for email in emails]

    assert [answer.status_code for answer in answers] == [202] * MAX_EMAILS + [429] * 2
    assert {answer.json()["code"] for answer in answers[MAX_EMAILS:]} == {"too_many_emails"}
    sent = [len(await emails_to(database, email)) for email in emails]
    assert sent == [1, 0] * (MAX_EMAILS // 2) + [0, 0]
    page = send_urlencoded_form(email_limited_client, "/forgot", "/forgot", email=new_email())
    assert page.status_code == 429
    assert "Try again in" in visible_text(page)


async def test_registering_counts_as_an_email(email_limited_client: httpx.Client) -> None:
    for _ in range(MAX_EMAILS):
        assert email_limited_client.post(FORGOT, json={"email": new_email()}).status_code == 202
    assert ask_to_register(email_limited_client).status_code == 429


async def ask_for_new_password(client: httpx.Client, database: asyncpg.Connection, email: str, *, times: int) -> None:
    for _ in range(times):
        answer = client.post(FORGOT, json={"email": email})
        assert (answer.status_code, "on its way" in answer.text) == (202, False)
        # Else the same email would not be sent again for five minutes.
        await database.execute("UPDATE account SET session_epoch = session_epoch + 1 WHERE email = $1", email)


async def test_client_sends_a_recipient_so_many_emails_of_a_kind_and_the_answers_do_not_tell(
    email_limited_client: httpx.Client, database: asyncpg.Connection
) -> None:
    email = new_email()
    insert_account(email_limited_client, email)

    await ask_for_new_password(email_limited_client, database, email, times=MAX_TO_RECIPIENT)
    answers = [email_limited_client.post(FORGOT, json={"email": each}) for each in (email.upper(), new_email())]

    assert answers[0].text == answers[1].text
    assert "a few a day" in answers[0].json()["message"]
    assert [kind for kind, _ in await emails_to(database, email)] == ["reset"] * MAX_TO_RECIPIENT
    assert email_limited_client.post(RESEND, json={"email": email}).status_code == 202
    assert [kind for kind, _ in await emails_to(database, email)][-1] == "confirm", "another kind has its own limit"


async def test_strangers_do_not_keep_an_owner_from_a_new_password(
    email_limited_client: httpx.Client, database: asyncpg.Connection
) -> None:
    email = new_email()
    insert_account(email_limited_client, email)
    await ask_for_new_password(email_limited_client, database, email, times=MAX_EMAILS)
    use_new_address(email_limited_client)
    page = send_and_follow(email_limited_client, "/forgot", "/forgot", email=email)

    assert "we've sent it a link" in visible_text(page)
    assert len(await emails_to(database, email)) == MAX_TO_RECIPIENT + 1


async def test_recipient_gets_ten_times_as_many_from_all_addresses(
    email_limited_client: httpx.Client, database: asyncpg.Connection
) -> None:
    email = new_email()
    insert_account(email_limited_client, email)

    for _ in range(FROM_ALL_FACTOR + 1):
        use_new_address(email_limited_client)
        await ask_for_new_password(email_limited_client, database, email, times=MAX_TO_RECIPIENT)

    assert len(await emails_to(database, email)) == FROM_ALL_FACTOR * MAX_TO_RECIPIENT


@pytest.mark.parametrize("is_taken", [False, True])
async def test_change_to_an_address_that_was_sent_too_many_links_is_refused_and_nothing_is_sent(
    email_limited_client: httpx.Client, database: asyncpg.Connection, is_taken: bool
) -> None:
    wanted, users = new_email(), [new_user(email_limited_client) for _ in range(MAX_TO_RECIPIENT + 1)]
    if is_taken:
        insert_account(email_limited_client, wanted)

    answers = [
        email_limited_client.patch(
            "/api/v1/users/me", json={"email": wanted, "password": PASSWORD}, headers=user.headers
        )
        for user in users
    ]
    on_page = register_on_page(email_limited_client)
    page = send_urlencoded_form(email_limited_client, "/settings", "/settings/email", email=wanted, password=PASSWORD)

    assert [answer.status_code for answer in answers] == [200] * MAX_TO_RECIPIENT + [429]
    assert answers[-1].json()["code"] == "too_many_emails"
    assert '"emails-to-recipient-day";r=0;' in answers[-1].headers["ratelimit"]
    assert (page.status_code, "on its way" in visible_text(page)) == (429, False)
    assert len(await emails_to(database, wanted)) == (0 if is_taken else MAX_TO_RECIPIENT)
    for email in (users[-1].email, on_page["email"]):
        assert await emails_to(database, email) == []


async def test_owner_who_changes_the_address_too_often_is_told_and_nothing_is_sent(
    email_limited_client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(email_limited_client)
    await database.execute("UPDATE account SET is_verified = true WHERE email = $1", user.email)
    asked = [new_email() for _ in range(MAX_TO_RECIPIENT + 1)]

    answers = [
        email_limited_client.patch(
            "/api/v1/users/me", json={"email": email, "password": PASSWORD}, headers=user.headers
        )
        for email in asked
    ]

    assert [answer.status_code for answer in answers] == [200] * MAX_TO_RECIPIENT + [429]
    assert answers[-1].json()["code"] == "too_many_emails"
    assert [len(await emails_to(database, email)) for email in asked] == [1] * MAX_TO_RECIPIENT + [0]


async def test_owner_who_asks_for_the_confirmation_again_is_limited_by_address(
    email_limited_client: httpx.Client,
) -> None:
    register_on_page(email_limited_client)
    for _ in range(MAX_EMAILS):
        assert email_limited_client.post(FORGOT, json={"email": new_email()}).status_code == 202
    assert send_urlencoded_form(email_limited_client, "/settings", "/settings/confirm").status_code == 429
