"""The pages that emails lead to, as a browser without JavaScript uses them."""

import asyncpg
import httpx

from tests.support.accounts import emails_to, new_email, new_user, register_by_api, sign_in, token_in_email
from tests.support.pages import BROWSER, FOREIGN, led_on, visible_text

NEW_PASSWORD = "Even-better-2"


def send(client: httpx.Client, page: str, address: str, **fields: str) -> httpx.Response:
    assert 'method="post"' in client.get(page, headers=BROWSER).text
    return client.post(address, data=fields or {"other": ""}, headers=BROWSER)


async def test_email_leads_to_a_page_that_confirms_the_address(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = register_by_api(client)
    [(_, values)] = await emails_to(database, user.email)
    assert values["link"].startswith("http://slipbin.test/verify/")

    path = values["link"].removeprefix("http://slipbin.test")
    led = send(client, path, path)

    assert led.headers["location"] == path
    assert "Your email is confirmed" in visible_text(led_on(client, led))
    assert await database.fetchval("SELECT is_verified FROM account WHERE email = $1", user.email)
    forged = client.get("/verify/forged", headers=BROWSER)
    assert (forged.status_code, "no longer works" in visible_text(forged)) == (400, True)


async def test_forgotten_password_is_set_anew_on_pages(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = new_user(client)
    asked = [send(client, "/forgot", "/forgot", email=email) for email in (user.email, new_email())]
    assert [answer.headers["location"] for answer in asked] == ["/forgot?done=sent"] * 2
    assert "If the email you entered has an account" in visible_text(led_on(client, asked[0]))
    token = await token_in_email(database, user.email, "reset")

    page = f"/reset/{token}"

    for weak in (send(client, page, page, password="weak"), send(client, page, "/reset", token=token, password="weak")):
        assert (weak.status_code, 'id="password-error"' in weak.text) == (422, True)
        assert (f'action="{page}"' in weak.text, "weak" in weak.text) == (True, False)
    done = led_on(client, send(client, page, page, password=NEW_PASSWORD))

    assert (done.url.path, "Password changed" in visible_text(done)) == ("/sign-in", True)
    assert sign_in(client, user.email, NEW_PASSWORD)
    used = client.get(page, headers=BROWSER)
    assert (used.status_code, "no longer works" in visible_text(used), 'method="post"' in used.text) == (
        400,
        True,
        False,
    )
    assert 'href="/forgot"' in used.text
    for fields in ({"password": "Once-more-3"}, {"password": "Once-more-3", "token": "x"}):
        again = send(client, "/forgot", page, **fields)
        assert (again.status_code, "no longer works" in visible_text(again)) == (400, True)
    old = send(client, "/forgot", "/reset", token=token, password="Once-more-3")
    assert (old.status_code, "no longer works" in visible_text(old)) == (400, True)


async def test_forms_of_others_and_wrong_addresses_are_refused(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)

    wrong = send(client, "/forgot", "/forgot", email="no address")
    assert (wrong.status_code, 'value="no address"' in wrong.text) == (422, True)
    for address, fields in (("/forgot", {"email": user.email}), ("/reset/x", {"password": NEW_PASSWORD})):
        for foreign in FOREIGN:
            assert client.post(address, data=fields, headers=BROWSER | foreign).status_code == 403
    assert await emails_to(database, user.email) == []
