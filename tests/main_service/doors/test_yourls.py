"""YOURLS: its client from PyPI, unmodified, and the rules of requests that anyone can make a browser send."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import fromstring

import asyncpg
import httpx
import pytest

from tests.support.accounts import User, create_api_token, new_user
from tests.support.engines import START_SECONDS
from tests.support.entries import create_link, create_paste, list_entries, new_alias, owned_link
from tests.support.foreign_clients import Home, foreign_client
from tests.support.statistics import insert_hour_counts

PATH = "/yourls-api.php"
TARGET = "https://example.org/?q=a%20b&c=ü+d;e#f"


@pytest.fixture
def user(client: httpx.Client) -> User:
    return new_user(client)


@pytest.fixture
def token(client: httpx.Client, user: User) -> str:
    return create_api_token(client, user)


def run_python(client: httpx.Client, token: str, *lines: str) -> list[object]:
    """What the lines print, JSON each, with the client of PyPI as `yourls` and its `client`."""
    start = (
        "import json, yourls",
        f"client = yourls.YOURLSClient({str(client.base_url).rstrip('/') + PATH!r}, signature={token!r})",
        "def show(it): print(json.dumps({name: str(getattr(it, name)) for name in it.__slots__}))",
    )
    done = subprocess.run(
        [foreign_client("python", "yourls"), "-c", "\n".join([*start, *lines])],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        env={"NO_PROXY": "*", "LANG": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ask(client: httpx.Client, token: str | None, **fields: str) -> httpx.Response:
    signed = {"signature": token} if token else {}
    return client.get(PATH, params={"format": "json", **signed, **fields})


async def test_client_shortens_expands_and_reads_figures(
    client: httpx.Client, user: User, token: str, database: asyncpg.Connection
) -> None:
    alias = new_alias()

    made, expanded = run_python(
        client,
        token,
        f"made = client.shorten({TARGET!r}, keyword={alias!r}, title='A title')",
        "show(made)",
        f"print(json.dumps(client.expand({alias!r})))",
    )

    assert isinstance(made, dict)
    assert (made["keyword"], made["url"], made["title"], made["clicks"]) == (alias, TARGET, "A title", "0")
    assert made["shorturl"].endswith(f"/{alias}")
    assert datetime.now(UTC) - datetime.fromisoformat(made["date"]).replace(tzinfo=UTC) < timedelta(minutes=10)
    assert expanded == TARGET
    [entry] = list_entries(client, user)["items"]
    assert (entry["key"], entry["original_url"], entry["title"]) == (alias, TARGET, "A title")

    other = owned_link(client, user)
    await insert_hour_counts(database, alias, "2026-03-01 10:00", people=3, bots=2)
    stats, totals, top, bottom = run_python(
        client,
        token,
        f"show(client.url_stats({made['shorturl']!r}))",
        "it = client.db_stats()",
        "print(json.dumps([it.total_links, it.total_clicks]))",
        "for order in ('top', 'bottom'):",
        "    print(json.dumps([it.shorturl.rpartition('/')[2] for it in client.stats(order, 2)[0]]))",
    )
    assert isinstance(stats, dict)
    assert (stats["clicks"], stats["url"]) == ("3", TARGET)
    assert totals == [2, 3]
    assert top == [alias, other]
    assert bottom == [other, alias]


def test_client_is_given_the_link_that_leads_there_already(client: httpx.Client, user: User, token: str) -> None:
    shorten = f"client.shorten({TARGET!r})"
    first, again = run_python(
        client,
        token,
        f"show({shorten})",
        "try:",
        f"    {shorten}",
        "except yourls.YOURLSURLExistsError as error:",
        "    show(error.url)",
    )

    assert isinstance(first, dict)
    assert isinstance(again, dict)
    assert (again["shorturl"], again["url"]) == (first["shorturl"], TARGET)
    assert len(list_entries(client, user)["items"]) == 1


def test_client_tells_what_is_wrong(client: httpx.Client, token: str) -> None:
    taken = str(create_link(client, alias=new_alias())["key"])
    calls = (
        f"client.shorten('https://example.org/', keyword={taken!r})",
        "client.shorten('https://example.org/', keyword='a b')",
        "client.shorten('https://example.org/', keyword='api')",
        "client.shorten('no url')",
        "client.shorten('')",
        "client.expand('4aBcDeFgHjK')",
        "client.url_stats('4aBcDeFgHjK')",
    )
    lines = [
        line
        for call in calls
        for line in ("try:", f"    {call}", "except yourls.YOURLSAPIError as error:",
                     "    print(json.dumps([type(error).__name__, str(error)]))")
    ]  # fmt: skip

    found = run_python(client, token, *lines)

    names = [name for name, _ in found]  # type: ignore[misc]
    assert names == ["YOURLSKeywordExistsError"] * 3 + ["YOURLSNoURLError"] * 2 + ["YOURLSHTTPError"] * 2
    assert found[-1] == ["YOURLSHTTPError", "Error: short URL not found"]


def test_get_creates_only_with_a_token_as_signature(client: httpx.Client, user: User, token: str) -> None:
    fields = {"action": "shorturl", "url": "https://example.org/"}
    hashed = "0cc175b9c0f1b6a831c399e269772661"

    for answer in (
        ask(client, None, **fields),
        ask(client, None, **fields, username="a", password="b"),
        ask(client, hashed, **fields),
        ask(client, token, **fields, timestamp="1700000000"),
        client.get(PATH, params={"format": "json", **fields}, headers=user.headers),
    ):
        assert answer.status_code == 403, answer.text
        assert answer.json()["status"] == "fail"
    assert "md5" in ask(client, hashed, **fields).json()["message"]
    assert ask(client, "slp_" + "a" * 43, **fields).status_code == 401
    assert ask(client, create_api_token(client, user, "read"), **fields).status_code == 403
    assert list_entries(client, user)["items"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
    ],
)
def test_prefetch_and_preview_create_nothing(
    client: httpx.Client, user: User, token: str, headers: dict[str, str]
) -> None:
    query = {"action": "shorturl", "url": "https://example.org/", "signature": token, "format": "json"}

    assert client.get(PATH, params=query, headers=headers).status_code == 403
    assert list_entries(client, user)["items"] == []


def test_head_creates_nothing(client: httpx.Client, user: User, token: str) -> None:
    query = {"action": "shorturl", "url": "https://example.org/", "signature": token}

    assert client.head(PATH, params=query).status_code == 403
    assert list_entries(client, user)["items"] == []
    assert client.get(PATH, params=query).status_code == 200


def test_post_takes_the_form_and_guests(client: httpx.Client, user: User, token: str) -> None:
    form = {"action": "shorturl", "url": "https://example.org/", "format": "json"}

    mine = client.post(PATH, data={**form, "signature": token})
    guests = client.post(PATH, data=form)

    assert mine.status_code == guests.status_code == 200
    assert [item["key"] for item in list_entries(client, user)["items"]] == [mine.json()["url"]["keyword"]]
    key, manage_token = guests.json()["url"]["keyword"], guests.json()["manage_token"]
    assert "manage_token" not in mine.json()
    assert client.delete(f"/api/v1/entries/{key}", headers={"X-Manage-Token": manage_token}).status_code == 204


def test_form_that_another_site_sends_creates_nothing(client: httpx.Client, user: User, token: str) -> None:
    form = {"action": "shorturl", "url": "https://example.org/", "signature": token}

    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://other.example"}):
        assert client.post(PATH, data=form, headers=headers).status_code == 403
    assert list_entries(client, user)["items"] == []


def test_targets_and_figures_of_others_are_kept(client: httpx.Client, user: User, token: str) -> None:
    other = create_api_token(client, new_user(client))
    private = owned_link(client, user, visibility="private")
    limited = owned_link(client, user, views=1)
    paste = create_paste(client)["key"]

    assert ask(client, token, action="expand", shorturl=private).json()["longurl"] == "https://example.org/target"
    for signature in (other, None):
        for key in (private, limited, paste):
            assert ask(client, signature, action="expand", shorturl=key).status_code == 404
        assert ask(client, signature, action="url-stats", shorturl=private).status_code == 404
        assert ask(client, signature, action="url-stats", shorturl=owned_link(client, user)).status_code in (401, 403)
    for action in ("stats", "db-stats"):
        assert ask(client, None, action=action).status_code == 401
    assert ask(client, other, action="stats").json()["stats"] == {"total_links": "0", "total_clicks": "0"}


def test_formats(client: httpx.Client, token: str) -> None:
    url, title = "https://example.org/?a=1&b=<2>", "a\ufffe\uffff"
    fields = {"action": "shorturl", "url": url, "title": title, "signature": token}

    simple = client.get(PATH, params={**fields, "format": "simple"})
    xml = client.get(PATH, params=fields)

    assert simple.headers["content-type"] == "text/plain; charset=utf-8"
    assert xml.headers["content-type"] == "application/xml"
    assert f"<shorturl>{simple.text}</shorturl>" in xml.text
    assert "<code>error:url</code><url>" in xml.text
    assert "<url>https://example.org/?a=1&amp;b=&lt;2&gt;</url>" in xml.text
    assert fromstring(xml.text).findtext("title") == "a\ufffd\ufffd"
    assert client.get(PATH, params={"action": "no", "format": "simple"}).status_code == 422


def test_command_shows_what_was_made_and_counted(home: Home, doors_client: httpx.Client) -> None:
    """What it shows beside that is on the page of docs/clients.md, which is typed by a test of its own."""
    token = create_api_token(doors_client, new_user(doors_client))
    alias = new_alias()
    home.has("yourls", foreign_client("yourls", "yourls"))
    home.write(".yourls", f"[yourls]\napiurl = {home.site}{PATH}\nsignature = {token}\n".encode())

    shown = home.run("yourls", "shorten", "https://example.org/", "--keyword", alias)

    assert shown.startswith(f"New: {home.site}/{alias}\n")
    assert "clicks: 0" in home.run("yourls", "url-stats", f"{home.site}/{alias}")
