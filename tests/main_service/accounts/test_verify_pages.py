"""The pages that links in emails open: a button that confirms an address, and what it says afterwards."""

import asyncpg
import httpx

from tests.support.accounts import (
    PASSWORD,
    insert_account,
    is_signed_in,
    new_email,
    new_user,
    register_by_api,
    sign_in_on_page,
    token_in_email,
)
from tests.support.pages import BROWSER, FOREIGN, led_on, visible_text


async def test_link_in_an_email_shows_a_button_that_confirms(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = register_by_api(client)
    address = f"/verify/{await token_in_email(database, user.email, 'confirm')}"

    page = client.get(address, headers=BROWSER)
    assert (page.status_code, user.email in page.text, f'action="{address}"' in page.text) == (200, True, True)
    for headers in FOREIGN:
        foreign = client.post(address, data={"other": ""}, headers=BROWSER | headers)
        assert (foreign.status_code, f'href="{address}"' in foreign.text) == (403, True)
    assert not await database.fetchval("SELECT is_verified FROM account WHERE email = $1", user.email)

    done = led_on(client, client.post(address, data={"other": ""}, headers=BROWSER))

    assert await database.fetchval("SELECT is_verified FROM account WHERE email = $1", user.email)
    again = client.get(address, headers=BROWSER)
    for page in (done, again):
        assert (page.status_code, 'href="/sign-in"' in page.text) == (200, True)
        assert "Your email is confirmed" in visible_text(page)
    assert sign_in_on_page(client, user.email).status_code == 303


async def test_link_to_a_new_email_shows_a_button_that_changes_it(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, email = new_user(client), new_email()
    asked = {"email": email, "password": PASSWORD}
    assert client.patch("/api/v1/users/me", json=asked, headers=user.headers).status_code == 200
    address = f"/verify/{await token_in_email(database, email, 'confirm_new')}"

    page = client.get(address, headers=BROWSER)
    assert (page.status_code, email in page.text) == (200, True)
    assert is_signed_in(client, user.tokens["access_token"])

    done = led_on(client, client.post(address, data={"other": ""}, headers=BROWSER))

    assert "Your email is confirmed" in visible_text(done)
    assert not is_signed_in(client, user.tokens["access_token"])
    assert sign_in_on_page(client, email).status_code == 303


async def test_link_to_a_new_email_that_was_given_away_meanwhile_says_so_at_once(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, email = new_user(client), new_email()
    asked = {"email": email, "password": PASSWORD}
    assert client.patch("/api/v1/users/me", json=asked, headers=user.headers).status_code == 200
    address = f"/verify/{await token_in_email(database, email, 'confirm_new')}"
    insert_account(client, email)

    assert client.get(address, headers=BROWSER).status_code == 400
    assert client.head(f"/api/v1/auth{address}").status_code == 400
