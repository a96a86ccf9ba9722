"""What the site says about itself follows its settings."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import ValidationError

from main_service.settings import Settings
from tests.support.engines import Environment
from tests.support.pages import BROWSER, visible_text
from tests.support.settings import settings_of
from tests.support.web import WebServer

UNUSUAL = {
    "MAIN_PUBLIC_URL": "https://paste.example.org",
    "MAIN_GUEST_LIFETIME": "PT12H",
    "MAIN_GUEST_MAX_LIFETIME": "P3D",
    "MAIN_USER_LIFETIME": "P77D",
    "MAIN_ARCHIVE_RETENTION": "PT0S",
    "MAIN_UNUSED_DAYS": "90",
    "MAIN_VISIT_IP": "full",
    "MAIN_VISIT_RESPECT_DNT": "false",
    "MAIN_VISIT_RETENTION": "P55D",
    "MAIN_REPORT_LIFETIME": "P2D",
    "MAIN_GEOIP_DB": "off",
    "MAIN_UNCONFIRMED_RETENTION": "",
    "MAIN_ABUSE_CONTACT": "abuse+pastes@example.org",
}


@pytest.fixture(scope="module")
def unusual(environment: Environment) -> Iterator[httpx.Client]:
    with WebServer(environment | UNUSUAL) as server, server.new_client() as visitor:
        yield visitor


def told(client: httpx.Client) -> str:
    page = client.get("/privacy", headers=BROWSER)
    assert page.status_code == 200
    return " ".join(visible_text(page).split())


def test_privacy_page_says_what_the_defaults_are(client: httpx.Client) -> None:
    said = told(client)

    assert "after 10 days unless you choose otherwise, at most 365 days" in said
    assert "after 30 days unless you choose otherwise" in said
    assert "(not their text) is kept for 400 days more" in said
    assert "Single visits are deleted after 400 days" in said
    assert "kept without its last part" in said
    assert "from which country" in said
    assert "“Global Privacy Control”, only the time of the visit is kept" in said
    assert "downloaded for 7 days" in said
    assert "signed in, for 30 days" in said
    assert "owns nothing is deleted 30 days after we last sent an email to confirm it" in said
    assert "A file that you import is deleted within an hour of the import’s end" in said
    assert "what became of each line, are kept for 30 days more" in said
    assert "a hash of where each entry came from is kept until you delete the account" in said
    assert said.count("former targets are kept, for the statistics: of each link the last 100 targets") == 2
    assert (
        "Logs hold no IP addresses of visitors, no texts and no targets. Of an address that seems to be a proxy" in said
    )
    assert "used for" not in said
    assert "You can reach them" not in said


def test_privacy_page_follows_the_settings(unusual: httpx.Client) -> None:
    said = told(unusual)

    assert "What paste.example.org keeps about you" in said
    assert "after 12 hours unless you choose otherwise, at most 3 days" in said
    assert "after 77 days unless you choose otherwise" in said
    assert "(not their text) is kept" not in said
    assert "Single visits are deleted after 55 days" in said
    assert "Your IP address is kept with it." in said
    assert "from which country" not in said
    assert "owns nothing" not in said
    assert "Global Privacy Control" not in said
    assert "downloaded for 2 days" in said
    assert said.count("90 days") == 2
    assert "You can reach them at abuse+pastes@example.org" in said


def test_every_page_leads_to_privacy_and_to_the_contact_if_there_is_one(
    client: httpx.Client, unusual: httpx.Client
) -> None:
    for path in ("/", "/sign-in", "/nothing-is-here"):
        assert '<a href="/privacy">Privacy</a>' in client.get(path, headers=BROWSER).text
        assert "Report abuse" not in client.get(path, headers=BROWSER).text
        shown = unusual.get(path, headers=BROWSER).text
        assert '<a href="mailto:abuse+pastes@example.org">Report abuse</a>' in shown


def test_security_txt_names_the_contact_and_ends_within_a_year(unusual: httpx.Client) -> None:
    answer = unusual.get("/.well-known/security.txt")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == "mailto:abuse+pastes@example.org"
    assert fields["Canonical"] == "https://paste.example.org/.well-known/security.txt"
    left = datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)
    assert timedelta(days=80) < left < timedelta(days=365)
    assert unusual.head("/.well-known/security.txt").status_code == 200


def test_without_a_contact_there_is_no_security_txt(client: httpx.Client) -> None:
    assert client.get("/.well-known/security.txt").status_code == 404


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("abuse@example.org", "abuse@example.org"),
        ("mailto:abuse@example.org", "abuse@example.org"),
        ("https://example.org/abuse?a=b", "https://example.org/abuse?a=b"),
    ],
)
def test_contact_is_an_email_address_or_a_url(environment: Environment, given: str, expected: str) -> None:
    fields = settings_of(environment).model_dump() | {"abuse_contact": given}

    assert Settings(**fields).abuse_contact == expected


@pytest.mark.parametrize(
    "given",
    [
        "abuse",
        "a@b@c",
        "a@b.example, c@d.example",
        "a@b.example\nExpires: never",
        "javascript:alert(1)//a@b",
        "javascript://a@b.example",
        "https://example.org/\nExpires: never",
        "ftp://example.org",
    ],
)
def test_contact_that_is_neither_is_refused(environment: Environment, given: str) -> None:
    fields = settings_of(environment).model_dump() | {"abuse_contact": given}

    with pytest.raises(ValidationError, match="must be an email address"):
        Settings(**fields)
