"""Browsers without JavaScript, that sign in on pages; for tests of whatever one sees then."""

import re

import httpx

from tests.main_service.accounts.registering import PASSWORD, insert, new_email, new_username
from tests.support.browsing import BROWSER, csrf_token

SESSION = "slipbin_session"


def send(client: httpx.Client, page: str, address: str, **fields: str) -> httpx.Response:
    """Open `page`, fill in its form and send it to `address`."""
    token = csrf_token(client.get(page, headers=BROWSER))
    return client.post(address, data={"csrf_token": token, **fields}, headers=BROWSER)


def sign_in_on_page(client: httpx.Client, name: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
    return send(client, "/sign-in", "/sign-in", name=name, password=password, **fields)


def register_on_page(client: httpx.Client, *, has_name: bool = True) -> dict[str, str]:
    """A new account, signed in on the page; its e-mail address and user name. It was inserted: see `register`."""
    email, username = new_email(), new_username() if has_name else ""
    insert(client, email, username or None)
    answer = sign_in_on_page(client, email)
    assert (answer.status_code, answer.headers["location"]) == (303, "/profile"), answer.text
    return {"email": email, "username": username, "password": PASSWORD}


def session_of(client: httpx.Client) -> str:
    return client.cookies[SESSION]


def is_signed_in_on_pages(client: httpx.Client, session: str | None = None) -> bool:
    """Whether the client's session cookie, or `session` in its place, opens the settings."""
    headers = BROWSER | {"Cookie": f"{SESSION}={client.cookies.get(SESSION, '') if session is None else session}"}
    answer = httpx.get(f"{client.base_url}/settings", headers=headers, trust_env=False)
    assert answer.status_code in (200, 303), answer.text
    return answer.status_code == 200


def token_shown(page: httpx.Response) -> str:
    shown = re.search(r'id="new-token">([^<]+)<', page.text)
    assert shown, page.text
    return shown[1]
