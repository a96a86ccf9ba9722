"""Registering an account and confirming its address."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import asyncpg
import httpx
import pytest

from main_service.accounts.signed_links import Purpose, SignedLinks
from main_service.settings import Settings
from tests.support.accounts import (
    PASSWORD,
    bearer,
    emails_to,
    is_signed_in,
    new_email,
    new_user,
    new_username,
    register_by_api,
    sign_in,
    token_in_email,
)
from tests.support.engines import Environment
from tests.support.web import WebServer

AT_ONCE = 20


def ask(client: httpx.Client, **fields: object) -> httpx.Response:
    return client.post("/api/v1/auth/register", json={"email": new_email(), "password": PASSWORD, **fields})


@pytest.fixture
def links(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> SignedLinks:
    """Signs as the service does."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return SignedLinks(Settings())


async def test_new_account_can_sign_in_and_must_confirm_its_address(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    email, username = new_email(), new_username()

    answer = ask(client, email=email.upper(), username=username)

    assert (answer.status_code, set(answer.json())) == (201, {"message"})
    me = client.get("/api/v1/users/me", headers=bearer(sign_in(client, email)["access_token"])).json()
    assert (me["username"], me["is_verified"], me["is_superuser"]) == (username, False, False)
    [(template, values)] = await emails_to(database, me["email"])
    assert (template, values["username"], values["hours"]) == ("confirm", username, "24")

    token = await token_in_email(database, me["email"], "confirm")
    for _ in range(2):
        assert client.get(f"/api/v1/auth/verify/{token}").status_code == 200, "again is harmless"
    assert client.get("/api/v1/users/me", headers=bearer(sign_in(client, email)["access_token"])).json()["is_verified"]


@pytest.mark.parametrize(
    "password",
    [
        "Short1a",
        "alllowercase1",
        "ALLUPPERCASE1",
        "NoDigitsHere",
        "Aa1" + "x" * 126,
        "",
        "Ada-Lovelace1",
    ],
)
def test_weak_password_is_refused_with_the_reason(client: httpx.Client, password: str) -> None:
    answer = ask(client, email=f"ada-lovelace@{new_username()}.example", username=None, password=password)

    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["field"] == "password"
    assert password == "" or password not in answer.text


@pytest.mark.parametrize("password", ["Long-enough1", "x" * 125 + "Aa1", "Ünïcödé123", "ÄÖÜäöü12"])
def test_good_password_is_taken(client: httpx.Client, password: str) -> None:
    email = new_email()

    assert ask(client, email=email, password=password).status_code == 201
    assert sign_in(client, email, password)["token_type"] == "bearer"


def test_password_that_holds_the_user_name_is_refused(client: httpx.Client) -> None:
    name = new_username()

    answer = ask(client, username=name, password=f"A1-{name.upper()}")

    assert answer.json()["errors"][0]["code"] == "password_weak"


@pytest.mark.parametrize(
    "fields",
    [
        {"email": "no-at-sign"},
        {"email": "two@@example.org"},
        {"email": "line\nbreak@example.org"},
        {"email": "nul\0@example.org"},
        {"email": f"{'a' * 250}@example.org"},
        {"email": "\ud800@example.org"},
        {"email": None},
        {"username": "ab"},
        {"username": "-begins"},
        {"username": "a b c"},
        {"username": "x" * 31},
        {"username": "ada\0lovelace"},
        {"is_superuser": True},
    ],
)
def test_malformed_registration_is_refused_without_echo(client: httpx.Client, fields: dict[str, object]) -> None:
    import json

    body = json.dumps({"email": new_email(), "password": PASSWORD, **fields})
    answer = client.post("/api/v1/auth/register", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert PASSWORD not in answer.text


async def test_taken_address_gets_the_same_answer_and_its_owner_an_email(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = register_by_api(client)
    fresh = ask(client)

    taken = ask(client, email=user.email.upper(), password="Another-Pass1")

    assert (taken.status_code, taken.json()) == (fresh.status_code, fresh.json())
    assert [template for template, _ in await emails_to(database, user.email)] == ["confirm", "taken"]
    assert sign_in(client, user.email)["access_token"], "the password is the owner's still"


def test_address_of_any_letters_is_one_whatever_its_case(client: httpx.Client) -> None:
    name = new_username()
    for email, other_case in ((f"ΑΣ@{name}.example", f"ας@{name}.example"), (f"Ä@{name}.example", f"ä@{name}.example")):
        assert ask(client, email=email).status_code == 201
        assert ask(client, email=email).status_code == 201, "not told to be taken"
        assert sign_in(client, email)
        assert ask(client, email=other_case).status_code == 201
    assert ask(client, email=f"plain@bücher-{name}.example").status_code == 201
    assert sign_in(client, f"plain@bücher-{name}.example")


async def test_taken_user_name_is_a_409_in_any_case_and_whatever_the_address(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    """Were its owner's address let pass, the two would be known to belong together."""
    user = new_user(client)

    for email in (new_email(), user.email, user.email.upper()):
        answer = ask(client, email=email, username=user.username.upper())
        assert (answer.status_code, answer.json()["code"]) == (409, "username_taken")
    assert await emails_to(database, user.email) == []


def test_address_that_postgresql_could_take_for_another_or_no_server_takes_is_refused(client: httpx.Client) -> None:
    name = new_username()
    for email in (f"İ{name}@example.org", f"{'a' * 65}@{name}.example", f"{'ö' * 33}@{name}.example"):
        answer = ask(client, email=email)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "email_invalid"), email
    for email in (f"{'a' * 64}@{name}.example", f"{'ö' * 32}@{name}.example"):
        assert ask(client, email=email).status_code == 201


async def test_one_address_registered_by_many_at_once_makes_one_account(
    web: WebServer, database: asyncpg.Connection
) -> None:
    email = new_email()

    def one(_: int) -> httpx.Response:
        with web.new_client() as visitor:
            return ask(visitor, email=email)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(one, range(AT_ONCE)))

    # Who would have to wait too long for a turn to hash is told so.
    assert {answer.status_code for answer in answers} <= {201, 503}
    assert await database.fetchval("SELECT count(*) FROM account WHERE lower(email) = $1", email) == 1


async def test_confirming_for_the_first_time_ends_what_was_open(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    """A user who registered a stranger's address is signed out once the stranger confirms it."""
    user = register_by_api(client)
    api_token = client.post("/api/v1/tokens", json={"name": "kept"}, headers=user.headers).json()["token"]
    assert is_signed_in(client, api_token)
    token = await token_in_email(database, user.email, "confirm")

    client.get(f"/api/v1/auth/verify/{token}")

    assert not is_signed_in(client, user.tokens["access_token"])
    assert not is_signed_in(client, api_token)
    refreshed = client.post("/api/v1/auth/refresh", json={"refresh_token": user.tokens["refresh_token"]})
    assert refreshed.status_code == 401
    again = sign_in(client, user.email)["access_token"]
    client.get(f"/api/v1/auth/verify/{token}")
    assert is_signed_in(client, again), "only the first confirmation ends sessions"


async def test_link_that_is_forged_cut_or_over_is_a_400(
    client: httpx.Client, database: asyncpg.Connection, links: SignedLinks
) -> None:
    user, other = register_by_api(client), register_by_api(client)
    token, others = (
        await token_in_email(database, user.email, "confirm"),
        await token_in_email(database, other.email, "confirm"),
    )
    day = timedelta(hours=24)
    tokens = [
        token[:-1],
        token[1:],
        token.upper(),
        token.rpartition("-")[0] + "-" + others.rpartition("-")[2],
        token.rpartition("-")[0],
        "x",
        "-",
        "e30-" + "0" * 64,
        "%00",
        links.sign(Purpose.CONFIRM, [user.email], lifetime=-timedelta(seconds=1)),
        links.sign(Purpose.RESET, [user.email], lifetime=day),
        links.sign(Purpose.CONFIRM, [new_email()], lifetime=day),
        links.sign(Purpose.CONFIRM, [], lifetime=day),
        links.sign(Purpose.CONFIRM, ["a", "b", "c"], lifetime=day),
    ]

    for bad in tokens:
        answer = client.get(f"/api/v1/auth/verify/{bad}")
        assert (answer.status_code, answer.json()["code"]) == (400, "link_invalid"), bad

    assert (
        client.get(f"/api/v1/auth/verify/{links.sign(Purpose.CONFIRM, [user.email], lifetime=day)}").status_code == 200
    )
    assert not await database.fetchval("SELECT is_verified FROM account WHERE email = $1", other.email)


async def test_link_to_a_new_address_is_good_for_that_address_only(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, own, wanted = register_by_api(client), new_email(), new_email()
    asked = {"email": own, "password": PASSWORD}
    assert client.patch("/api/v1/users/me", json=asked, headers=user.headers).status_code == 200
    payload, _, signature = (await token_in_email(database, own, "confirm_new")).rpartition("-")
    claims = urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()

    forged = urlsafe_b64encode(claims.replace(own, wanted).encode()).decode().rstrip("=")

    answer = client.get(f"/api/v1/auth/verify/{forged}-{signature}")
    assert (answer.status_code, answer.json()["code"]) == (400, "link_invalid")
    assert client.get(f"/api/v1/auth/verify/{payload}-{signature}").status_code == 200


async def test_link_is_sent_again_once_in_a_while_and_only_to_who_waits_for_it(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = register_by_api(client)
    await database.execute("UPDATE mail SET cause = gen_random_uuid()::text WHERE recipient = $1", user.email)

    answers = [
        client.post("/api/v1/auth/verify/resend", json={"email": address})
        for address in (user.email, user.email, new_email())
    ]

    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({answer.text for answer in answers}) == 1
    assert 2 <= len(await emails_to(database, user.email)) <= 3
    assert await emails_to(database, new_email()) == []
