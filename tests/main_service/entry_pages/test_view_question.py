"""Which clients spend a limited view without being asked, and what all others get."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.accounts import bearer, new_user
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.limited_views import views_left
from tests.support.pages import BROWSER, CURL

TEXT = "the launch code is 0000"
TARGET = "https://example.org/secret-target"

COMMANDS = [
    "curl/8.14.1",
    "curl/7.29.0 (x86_64-redhat-linux-gnu) libcurl/7.29.0 NSS/3.53.1 zlib/1.2.7 libidn/1.28 libssh2/1.8.0",
    "Wget/1.25.0",
    "Wget/1.12 (linux-gnu)",
    "HTTPie/3.2.4",
    "xh/0.24.0",
    "aria2/1.37.0",
    "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.22621.4249",
    "Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.22631; en-US) PowerShell/7.5.0-preview.3",
    "Mozilla/5.0 (Linux; Debian GNU/Linux 12 (bookworm); de-DE) PowerShell/7.4.6",
]
FETCHERS = [
    "Rocket.Chat/6.5.0",
    "Mozilla/5.0 (compatible; Rocket.Chat/7.0.0; +https://rocket.chat)",
    "Discourse Forum Onebox v3.2.0",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17425; Pro)",
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    "Microsoft Office Word 2014",
    "WordPress/6.5; https://blog.example",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "curl/7.54.0 (compatible; ExampleBot/1.0; +https://example.org/bot)",
    "Mozilla/5.0 (compatible; MailScanner) curl/8.5.0",
    "not-curl/8.5.0",
    "PycURL/7.45.3 libcurl/8.5.0",
    "python-requests/2.32.3",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "w3m/0.5.3+git20230121",
    "",
]


def limited(client: httpx.Client, kind: str, **fields: Any) -> dict[str, Any]:
    if kind == "paste":
        return create_paste(client, text=TEXT, title="Launch codes", views=2, **fields)
    return create_link(client, original_url=TARGET, title="Launch codes", views=2, **fields)


def paths(entry: dict[str, Any]) -> list[str]:
    return [f"/{entry['key']}", *([f"/{entry['key']}/raw"] if entry["kind"] == "paste" else [])]


def is_given(answer: httpx.Response) -> bool:
    return TEXT in answer.text or answer.headers.get("location") == TARGET


@pytest.mark.parametrize("kind", ["paste", "link"])
@pytest.mark.parametrize("agent", COMMANDS)
def test_command_that_a_person_typed_spends_a_view(client: httpx.Client, kind: str, agent: str) -> None:
    # PowerShell sends no `Accept`.
    accept = {} if "PowerShell" in agent else {"Accept": "*/*"}
    for number in range(2 if kind == "paste" else 1):
        entry = limited(client, kind)
        request = client.build_request("GET", paths(entry)[number], headers={"User-Agent": agent})
        request.headers.pop("accept")
        request.headers.update(accept)

        assert is_given(client.send(request))
        assert views_left(client, entry) == 1


@pytest.mark.parametrize("kind", ["paste", "link"])
@pytest.mark.parametrize("agent", FETCHERS)
def test_program_of_another_name_is_told_how_to_spend_one(client: httpx.Client, kind: str, agent: str) -> None:
    entry = limited(client, kind)
    address = f"http://slipbin.test/api/v1/entries/{entry['key']}/text"
    how = f"To read it: curl {address}" if kind == "paste" else f"To follow it: curl -L {entry['short_url']}"

    for path in paths(entry):
        answer = client.get(path, headers={"User-Agent": agent, "Accept": "*/*"})
        assert (answer.status_code, answer.headers["content-type"]) == (403, "text/plain; charset=utf-8")
        assert answer.text == f"view_not_spent: This disappears after being viewed. {how}\n"
        assert "Launch codes" not in answer.text
        page = client.get(path, headers={"User-Agent": agent, "Accept": "text/html,*/*;q=0.8"})
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "2 more times" in page.text
        assert not is_given(page)
        head = client.head(path, headers={"User-Agent": agent, "Accept": "*/*"})
        assert (head.status_code, head.content) == (403, b"")
    assert views_left(client, entry) == 2


def test_what_the_refusal_says_reads_the_text(client: httpx.Client) -> None:
    paste = limited(client, "paste")
    command = client.get(f"/{paste['key']}").text.split()

    answer = client.get(command[-1].removeprefix("http://slipbin.test"))

    assert (answer.status_code, answer.text, views_left(client, paste)) == (200, TEXT, 1)


@pytest.mark.parametrize("agent", ["Rocket.Chat/6.5.0", "python-httpx/0.28.1", "WordPress/6.5; https://a.example", ""])
def test_api_spends_a_view_without_asking(client: httpx.Client, agent: str) -> None:
    paste = limited(client, "paste")

    answer = client.get(f"/api/v1/entries/{paste['key']}/text", headers={"User-Agent": agent})

    assert (answer.status_code, answer.text, views_left(client, paste)) == (200, TEXT, 1)


Saying = Callable[[httpx.Client, dict[str, Any]], dict[str, str]]


def by_header(_: httpx.Client, __: dict[str, Any]) -> dict[str, str]:
    return {"X-Reveal": "1"}


def by_manage_token(_: httpx.Client, entry: dict[str, Any]) -> dict[str, str]:
    return manage_headers(entry)


def by_api_token(client: httpx.Client, _: dict[str, Any]) -> dict[str, str]:
    user = new_user(client)
    created = client.post("/api/v1/tokens", json={"name": "reader", "scopes": ["read"]}, headers=user.headers)
    return bearer(created.json()["token"])


@pytest.mark.parametrize("kind", ["paste", "link"])
@pytest.mark.parametrize("say", [by_header, by_manage_token, by_api_token])
def test_program_of_any_name_spends_a_view_if_it_says_so(client: httpx.Client, kind: str, say: Saying) -> None:
    # Java's own client asks for HTML, whatever program uses it.
    java = {"User-Agent": "Java/21.0.2", "Accept": "text/html, image/gif, image/jpeg, */*; q=0.2"}
    for asking in ({"User-Agent": ""}, java):
        entry = limited(client, kind)
        headers = asking | say(client, entry)

        assert not is_given(client.head(f"/{entry['key']}", headers=headers))
        assert not is_given(client.get(f"/{entry['key']}", headers=headers | {"Sec-Purpose": "prefetch"}))
        assert views_left(client, entry) == 2
        for left in (1, 0):
            assert is_given(client.get(paths(entry)[-left], headers=headers))
        assert client.get(f"/{entry['key']}", headers=headers).status_code == 410


def test_token_that_does_not_hold_spends_nothing(client: httpx.Client) -> None:
    paste, other = limited(client, "paste"), limited(client, "paste")
    owned = limited(client, "paste", headers=new_user(client).headers)

    for headers, entry, refusal in (
        (manage_headers(other), paste, (403, "manage_token_wrong")),
        (bearer("nonsense"), paste, (401, "token_invalid")),
        (manage_headers(other), owned, (401, "sign_in_required")),
    ):
        for path in paths(entry):
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == refusal
    for value in ("0", "true", ""):
        assert client.get(f"/{paste['key']}", headers={"X-Reveal": value}).status_code == 403
    assert (views_left(client, paste), views_left(client, owned)) == (2, 2)


def test_command_that_asks_for_a_page_gets_the_one_that_asks(client: httpx.Client) -> None:
    paste = limited(client, "paste")

    page = client.get(f"/{paste['key']}", headers=CURL | BROWSER)

    assert (page.status_code, is_given(page), views_left(client, paste)) == (200, False, 2)
