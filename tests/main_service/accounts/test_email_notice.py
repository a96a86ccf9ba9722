"""Users who wait for an email are told that the site has no mail server, as long as it has none."""

from pathlib import Path

import httpx
import pytest

from main_service.settings import Settings
from tests.support.accounts import PASSWORD, new_email, sign_in_on_page
from tests.support.engines import Environment
from tests.support.pages import send_and_follow, words
from tests.support.settings import VALID_SETTINGS
from tests.support.web import WebServer

NOTICE = (
    "This site has no mail server yet and writes emails into its outbox folder: look there if you run it, else ask "
    "the people who do."
)


def told(client: httpx.Client) -> dict[str, bool]:
    """Whether the notice is shown, by each place that speaks of an email on its way."""
    email = new_email()
    account = {"email": email, "username": "", "password": PASSWORD}
    answers = {
        "registering": client.get("/register"),
        "registered": send_and_follow(client, "/register", "/register", **account),
        "asking for a password": client.get("/forgot"),
        "asked for a password": send_and_follow(client, "/forgot", "/forgot", email=email),
        "API: registered": client.post("/api/v1/auth/register", json={"email": new_email(), "password": PASSWORD}),
        "API: sent again": client.post("/api/v1/auth/verify/resend", json={"email": email}),
        "API: forgot": client.post("/api/v1/auth/forgot-password", json={"email": email}),
    }
    sign_in_on_page(client, email)
    answers["settings"] = client.get("/settings", headers={"Accept": "text/html"})
    answers["reports"] = client.get("/reports", headers={"Accept": "text/html"})
    assert {name: answer.is_success for name, answer in answers.items()} == dict.fromkeys(answers, True)
    return {name: NOTICE in words(answer) for name, answer in answers.items()}


def test_users_who_wait_for_an_email_are_told_that_there_is_no_mail_server(client: httpx.Client) -> None:
    places = told(client)

    assert places == dict.fromkeys(places, True)


def test_nothing_is_said_where_a_mail_server_is_set(environment: Environment) -> None:
    with WebServer(environment | {"MAIN_SMTP_URL": "smtp://127.0.0.1:1"}) as web, web.new_client() as client:
        places = told(client)

    assert places == dict.fromkeys(places, False)


@pytest.mark.parametrize(("url", "notice"), [(None, NOTICE), ("smtps://mail.example.org", "")])
def test_notice_is_about_mail_servers(url: str | None, notice: str) -> None:
    assert Settings(**VALID_SETTINGS, smtp_url=url).email_notice == notice  # type: ignore[arg-type]


def test_folder_of_emails_is_no_mail_server(tmp_path: Path) -> None:
    assert Settings(**VALID_SETTINGS, smtp_url=f"file://{tmp_path}").email_notice == NOTICE  # type: ignore[arg-type]
