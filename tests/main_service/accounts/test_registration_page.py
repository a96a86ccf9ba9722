"""The page that registers: what it says at which field, and what it does not tell."""

import re

import asyncpg
import httpx
import pytest

from tests.support.accounts import (
    PASSWORD,
    emails_to,
    new_email,
    new_user,
    new_username,
    sign_in_on_page,
)
from tests.support.pages import led_on, send_and_follow, send_urlencoded_form, visible_text


async def test_new_user_is_sent_an_email_and_can_sign_in(client: httpx.Client, database: asyncpg.Connection) -> None:
    email, username = new_email(), new_username()

    led = send_urlencoded_form(client, "/register", "/register", email=email, username=username, password=PASSWORD)

    assert led.headers["location"] == "/register?done=registered"
    assert f"the email that we send to {email} to confirm" in visible_text(led_on(client, led))
    client.cookies.clear()
    assert "the email that we send to you to confirm" in visible_text(led_on(client, led)), "once it is forgotten"
    assert [template for template, _ in await emails_to(database, email)] == ["confirm"]
    for name in (email, username):
        assert sign_in_on_page(client, name).headers["location"] == "/profile"
        client.cookies.clear()


async def test_page_tells_not_whether_an_address_is_taken_but_whether_a_user_name_is(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)

    taken, fresh = (
        send_and_follow(client, "/register", "/register", email=email, username="", password=PASSWORD)
        for email in (user.email, new_email())
    )

    assert re.sub(r"user-\w+", "", taken.text) == re.sub(r"user-\w+", "", fresh.text)
    assert (await emails_to(database, user.email))[-1][0] == "taken"
    email = new_email()
    named = send_urlencoded_form(
        client, "/register", "/register", email=email, username=user.username, password=PASSWORD
    )
    assert (named.status_code, 'id="username-error"' in named.text) == (409, True)
    assert f'value="{email}"' in named.text
    assert PASSWORD not in named.text


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"email": "no address"}, "email"),
        ({"email": ""}, "email"),
        ({"username": "a b"}, "username"),
        ({"password": "weak"}, "password"),
    ],
)
def test_refused_registration_says_at_the_field_what_is_wrong(
    client: httpx.Client, fields: dict[str, str], wrong: str
) -> None:
    asked = {"email": new_email(), "username": new_username(), "password": PASSWORD, **fields}

    answer = send_urlencoded_form(client, "/register", "/register", **asked)

    assert (answer.status_code, f'id="{wrong}-error"' in answer.text) == (422, True)
    assert f'value="{asked["email"]}"' in answer.text
