"""What users change about their account on the page of settings."""

import re
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from main_service.accounts.pages.settings_sections import SECTIONS, section_path
from tests.support.accounts import (
    PASSWORD,
    bearer,
    create_api_token,
    emails_to,
    is_signed_in,
    is_signed_in_on_pages,
    new_email,
    new_user,
    new_username,
    register_by_api,
    register_on_page,
    session_cookie_of,
    shown_api_token,
    sign_in,
    sign_in_on_page,
    token_in_email,
)
from tests.support.pages import BROWSER, FOREIGN, led_on, send_and_follow, send_urlencoded_form, visible_text
from tests.support.web import WebServer

NEW_PASSWORD = "Even-better-2"


def send_settings(client: httpx.Client, form: str, **fields: str) -> httpx.Response:
    """Open the section that has the form, and send it."""
    name = form.partition("/")[0]
    section = next(section for section, forms in SECTIONS.items() if name in forms)
    return send_urlencoded_form(client, section_path(section), f"/settings/{form}", **fields)


def change(client: httpx.Client, form: str, **fields: str) -> httpx.Response:
    """Send a form that is not refused; the section that it leads to."""
    return led_on(client, send_settings(client, form, **fields))


def test_user_name_is_set_refused_at_its_field_and_taken_away(client: httpx.Client) -> None:
    other, name = new_user(client), new_username()
    register_on_page(client, has_name=False)

    assert "Username saved" in visible_text(change(client, "username", username=name))
    assert f'name="username" value="{name}"' in client.get("/settings", headers=BROWSER).text
    for wrong, status in ((other.username, 409), ("a b", 422)):
        refused = send_settings(client, "username", username=wrong)
        assert (refused.status_code, 'id="username-error"' in refused.text) == (status, True)
        assert f'name="username" value="{wrong}"' in refused.text
    assert "Username removed" in visible_text(change(client, "username", username=""))
    assert 'name="username" value=""' in client.get("/settings", headers=BROWSER).text


async def test_daily_report_is_switched_on_and_off(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = register_on_page(client)

    def box(page: httpx.Response) -> str:
        (found,) = re.findall(r'<input type="checkbox"[^>]*name="daily_report"[^>]*>', page.text)
        assert isinstance(found, str)
        return found

    def is_checked(page: httpx.Response) -> bool:
        return " checked" in box(page)

    async def is_sent() -> bool:
        sent: bool = await database.fetchval("SELECT daily_report FROM account WHERE email = $1", user["email"])
        return sent

    page = client.get("/settings/visits", headers=BROWSER)
    assert (is_checked(page), " disabled" in box(page)) == (False, True)
    assert "once your email is confirmed" in visible_text(page)
    refused = send_settings(client, "daily-report", daily_report="yes")
    assert (refused.status_code, await is_sent()) == (403, False)
    assert "Confirm your email before you turn on the daily report" in visible_text(refused)
    await database.execute("UPDATE account SET is_verified = true WHERE email = $1", user["email"])
    page = client.get("/settings/visits", headers=BROWSER)
    assert (" disabled" in box(page), "once your email is confirmed" in visible_text(page)) == (False, False)
    done = change(client, "daily-report", daily_report="yes")
    assert ("The daily report is on." in visible_text(done), is_checked(done)) == (True, True)
    assert await is_sent()
    done = change(client, "daily-report")
    assert ("The daily report is off." in visible_text(done), is_checked(done)) == (True, False)
    assert not await is_sent()


def test_new_password_ends_all_other_sessions_and_gives_this_browser_a_new_one(
    client: httpx.Client, web: WebServer
) -> None:
    user = register_on_page(client)
    former = session_cookie_of(client)
    tokens = sign_in(client, user["email"])
    with web.new_client() as elsewhere:
        sign_in_on_page(elsewhere, user["email"])

        done = change(client, "password", password=PASSWORD, new_password=NEW_PASSWORD)

        assert "Password changed" in visible_text(done)
        assert not is_signed_in_on_pages(elsewhere)
    assert not is_signed_in_on_pages(client, former)
    assert not is_signed_in(client, tokens["access_token"])
    assert is_signed_in_on_pages(client)
    name = {"username": new_username()}
    led = client.post("/settings/username", data=name, headers=BROWSER)
    assert led.headers["location"] == "/settings?done=username", "its forms work"
    assert sign_in(client, user["email"], NEW_PASSWORD)


@pytest.mark.parametrize(
    ("form", "fields", "status", "wrong"),
    [
        ("password", {"password": "Wrong-pass1", "new_password": NEW_PASSWORD}, 401, "password"),
        ("password", {"password": PASSWORD, "new_password": "weak"}, 422, "new_password"),
        ("password", {}, 401, "password"),
        ("email", {"email": "no address", "password": PASSWORD}, 422, "email"),
        ("email", {"email": "new@example.org", "password": "Wrong-pass1"}, 401, "password"),
        ("email", {}, 422, "email"),
        ("tokens", {"name": ""}, 422, "name"),
        ("tokens", {"name": "line\nend"}, 422, "name"),
        ("tokens", {"name": "x", "days": "36500"}, 422, "days"),
    ],
)
def test_refused_form_says_at_its_field_what_is_wrong(
    client: httpx.Client, form: str, fields: dict[str, str], status: int, wrong: str
) -> None:
    user = register_on_page(client)

    refused = send_settings(client, form, **fields)

    assert (refused.status_code, re.findall(r'id="(\w+)-error"', refused.text)) == (status, [wrong])
    assert len(re.findall('aria-invalid="true"', refused.text)) == 1
    for secret in (PASSWORD, NEW_PASSWORD, "Wrong-pass1"):
        assert secret not in refused.text
    assert sign_in(client, user["email"])


async def test_new_address_is_asked_for_with_the_password_and_confirmed_by_its_email(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, email = register_on_page(client), new_email()

    led = send_settings(client, "email", email=email, password=PASSWORD)

    assert f"a link to {email}" in visible_text(led_on(client, led))
    assert email not in led.headers["location"], "what is in an address stays in histories"
    client.cookies.delete("slipbin_told")
    assert "a link to your new address" in visible_text(led_on(client, led))
    assert (await emails_to(database, user["email"]))[-1][0] == "email_changed"
    link = f"/verify/{await token_in_email(database, email, 'confirm_new')}"
    for page in (send_and_follow(client, link, link), client.get(link, headers=BROWSER)):
        assert (page.status_code, "Your email is confirmed" in visible_text(page)) == (200, True)
    assert not is_signed_in_on_pages(client), "a change of address ends all sessions"
    assert sign_in_on_page(client, email).status_code == 303
    assert "Confirm your email" not in visible_text(client.get("/settings", headers=BROWSER))


async def test_unconfirmed_address_is_told_and_its_email_sent_again(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = register_by_api(client)
    sign_in_on_page(client, user.email)
    await database.execute("UPDATE mail SET cause = gen_random_uuid()::text WHERE recipient = $1", user.email)
    assert "Confirm your email" in visible_text(client.get("/settings", headers=BROWSER))

    done = change(client, "confirm")

    assert f"a link to {user.email}" in visible_text(done)
    assert [template for template, _ in await emails_to(database, user.email)] == ["confirm", "confirm"]


async def test_api_token_is_shown_once_listed_and_deleted(client: httpx.Client, database: asyncpg.Connection) -> None:
    register_on_page(client)

    led = send_settings(client, "tokens", name="<b>deploy</b>", scopes="read", days="30")
    token = shown_api_token(led_on(client, led))
    again = led_on(client, led)

    assert is_signed_in(client, token)
    refused = client.post("/api/v1/tokens", json={"name": "x"}, headers=bearer(token))
    assert refused.status_code == 403
    assert (token in again.text, "was shown once" in visible_text(again)) == (False, True)
    page = client.get("/settings/tokens", headers=BROWSER)
    assert token not in page.text
    assert "&lt;b&gt;deploy&lt;/b&gt;" in page.text
    assert "Read only" in visible_text(page)
    token_id = re.search(r'action="/settings/tokens/([\w-]+)/delete"', page.text)[1]
    kept = await database.fetchrow("SELECT may_write, expires_at FROM api_token WHERE id = $1", token_id)
    assert not kept["may_write"]
    assert abs(kept["expires_at"] - datetime.now(UTC) - timedelta(days=30)) < timedelta(hours=1)
    assert "Token deleted" in visible_text(change(client, f"tokens/{token_id}/delete"))
    assert not is_signed_in(client, token)
    again = send_settings(client, f"tokens/{token_id}/delete")
    assert (again.status_code, "This token has already been deleted" in visible_text(again)) == (404, True)


async def test_token_may_write_and_lasts_unless_it_is_said_otherwise(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    register_on_page(client)

    page = change(client, "tokens", name="script", scopes="write", days="")

    token_id = re.search(r'action="/settings/tokens/([\w-]+)/delete"', page.text)[1]
    kept = await database.fetchrow("SELECT may_write, expires_at FROM api_token WHERE id = $1", token_id)
    assert (kept["may_write"], kept["expires_at"]) == (True, None)


def test_token_of_another_account_is_not_deleted(client: httpx.Client, web: WebServer) -> None:
    owner = new_user(client)
    made = client.post("/api/v1/tokens", json={"name": "x"}, headers=owner.headers).json()
    register_on_page(client)

    assert send_settings(client, f"tokens/{made['id']}/delete").status_code == 404
    assert is_signed_in(client, made["token"])


def test_token_that_others_have_planted_is_not_shown_as_a_new_one(client: httpx.Client) -> None:
    theirs = create_api_token(client, new_user(client))
    register_on_page(client)
    cookies = f"slipbin_session={session_cookie_of(client)}; slipbin_told="

    for planted in (theirs, "slp_" + "a" * 43, "%3Cb%3E", "%ff"):
        headers = BROWSER | {"Cookie": cookies + planted}
        page = httpx.get(f"{client.base_url}/settings/tokens?done=tokens", headers=headers, trust_env=False, timeout=60)
        assert (page.status_code, 'id="new-token"' in page.text) == (200, False)


def test_what_a_page_was_told_is_hidden_from_scripts_and_ends_within_a_minute(client: httpx.Client) -> None:
    register_on_page(client)

    led = send_settings(client, "tokens", name="script")
    shown = led_on(client, led)

    parts = ["HttpOnly", "Max-Age=60", "Path=/settings/tokens", "SameSite=strict"]
    assert sorted(led.headers["set-cookie"].split("; ")[1:]) == parts
    assert "Max-Age=0; Path=/settings/tokens" in shown.headers["set-cookie"]


def test_signing_out_everywhere_ends_all_sessions_but_no_api_token(client: httpx.Client, web: WebServer) -> None:
    user = register_on_page(client)
    session, tokens = session_cookie_of(client), sign_in(client, user["email"])
    api_token = shown_api_token(change(client, "tokens", name="script"))
    with web.new_client() as elsewhere:
        sign_in_on_page(elsewhere, user["email"])

        done = send_settings(client, "sign-out-everywhere")

        assert (done.status_code, done.headers["location"]) == (303, "/sign-in")
        assert done.headers["clear-site-data"] == '"storage"'
        assert not is_signed_in_on_pages(elsewhere)
    assert not is_signed_in_on_pages(client, session)
    assert not is_signed_in(client, tokens["access_token"])
    assert is_signed_in(client, api_token)


FORMS = (
    "username", "email", "confirm", "password", "daily-report", "tokens", "tokens/{id}/delete", "sign-out-everywhere",
)  # fmt: skip


async def test_form_without_its_token_changes_nothing(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = register_on_page(client)
    page = change(client, "tokens", name="kept")
    token_id = re.search(r'action="/settings/tokens/([\w-]+)/delete"', page.text)[1]
    row = "SELECT a::text || t::text FROM account a JOIN api_token t ON t.account_id = a.id WHERE a.email = $1"
    before = await database.fetchval(row, user["email"])
    fields = {
        "username": "x-y-z",
        "email": new_email(),
        "password": PASSWORD,
        "new_password": NEW_PASSWORD,
        "daily_report": "yes",
        "name": "x",
    }

    for form in FORMS:
        address = "/settings/" + form.replace("{id}", token_id)
        for foreign in FOREIGN:
            refused = client.post(address, data=fields, headers=BROWSER | foreign)
            assert refused.status_code == 403, address
    assert await database.fetchval(row, user["email"]) == before
    assert await emails_to(database, user["email"]) == []


def test_guest_changes_nothing_and_is_led_to_sign_in(client: httpx.Client) -> None:
    for form in FORMS:
        address = "/settings/" + form.replace("{id}", "00000000-0000-0000-0000-000000000000")
        sent = client.post(address, data={"other": "x"}, headers=BROWSER)
        assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=/settings")
    for section in SECTIONS:
        path = section_path(section)
        opened = client.get(path, headers=BROWSER)
        assert (opened.status_code, opened.headers["location"]) == (303, f"/sign-in?next={path}")


def test_path_of_each_form_leads_to_the_section_that_has_it(client: httpx.Client) -> None:
    register_on_page(client)

    for section, forms in SECTIONS.items():
        page = client.get(section_path(section), headers=BROWSER).text
        sent_to = set(re.findall(r'action="/settings/([\w-]+)"', page))
        # That of an email to confirm is in each section that says it isn't.
        assert sent_to - {"confirm"} == set(forms) - {"confirm"}, section
        for form in forms:
            opened = client.get(f"/settings/{form}", headers=BROWSER, follow_redirects=True)
            assert (opened.status_code, opened.url.path) == (200, section_path(section))
    gone = client.get("/settings/tokens/00000000-0000-0000-0000-000000000000/delete", headers=BROWSER)
    assert (gone.status_code, gone.headers["location"]) == (303, "/settings/tokens")


def test_result_stands_beside_the_form_that_was_sent(client: httpx.Client) -> None:
    register_on_page(client)

    for form, fields in {"visits": {}, "daily-report": {}, "username": {"username": new_username()}}.items():
        page = change(client, form, **fields).text
        notice = page.index('<p class="notice" role="status" tabindex="-1" autofocus>')
        assert page.count('class="notice"') == 1
        assert 'action="' not in page[notice : page.index(f'action="/settings/{form}"')]


def test_managers_of_passwords_find_where_to_change_one(client: httpx.Client) -> None:
    answer = client.get("/.well-known/change-password")

    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/password")
