"""The pages that emails lead to, as a browser without JavaScript uses them."""

import asyncpg
import httpx

from tests.support.accounts import emails_to, new_email, new_user, register_by_api, sign_in, token_in_email
from tests.support.pages import BROWSER, FOREIGN, visible_text

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
    page = send(client, path, path)

    assert (page.status_code, "Your email is confirmed" in visible_text(page)) == (200, True)
    assert await database.fetchval("SELECT is_verified FROM account WHERE email = $1", user.email)
    forged = client.get("/verify/forged", headers=BROWSER)
    assert (forged.status_code, "no longer works" in visible_text(forged)) == (400, True)


async def test_forgotten_password_is_set_anew_on_pages(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = new_user(client)
    asked = [send(client, "/forgot", "/forgot", email=email) for email in (user.email, new_email())]
    assert asked[0].text == asked[1].text
    token = await token_in_email(database, user.email, "reset")

    weak = send(client, f"/reset/{token}", "/reset", token=token, password="weak")
    assert (weak.status_code, 'id="password-error"' in weak.text) == (422, True)
    assert "weak" not in weak.text
    done = send(client, f"/reset/{token}", "/reset", token=token, password=NEW_PASSWORD)

    assert (done.status_code, "Password changed" in visible_text(done)) == (200, True)
    assert sign_in(client, user.email, NEW_PASSWORD)
    used = client.get(f"/reset/{token}", headers=BROWSER)
    assert (used.status_code, "no longer works" in visible_text(used), 'method="post"' in used.text) == (
        400,
        True,
        False,
    )
    assert 'href="/forgot"' in used.text
    again = send(client, "/forgot", "/reset", token=token, password="Once-more-3")
    assert (again.status_code, "no longer works" in visible_text(again)) == (400, True)


async def test_forms_of_others_and_wrong_addresses_are_refused(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)

    wrong = send(client, "/forgot", "/forgot", email="no address")
    assert (wrong.status_code, 'value="no address"' in wrong.text) == (422, True)
    for address, fields in (("/forgot", {"email": user.email}), ("/reset", {"token": "x", "password": NEW_PASSWORD})):
        for foreign in FOREIGN:
            assert client.post(address, data=fields, headers=BROWSER | foreign).status_code == 403
    assert await emails_to(database, user.email) == []
