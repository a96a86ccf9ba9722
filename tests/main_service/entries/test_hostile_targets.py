"""Where a link may not lead, in every spelling, and how one that may is kept, sent and shown."""

import html
import json
import re

import httpx
import pytest

from main_service.entries.urls import check_url, is_self_link
from tests.support.entries import create_link, manage_headers
from tests.support.pages import BROWSER, created_key, send_form, visible_text
from tests.support.web import WebServer

MARK = "m4rk3r"

SPACES = [
    " ", "\t", "\n", "\r", "\x1f", "\x85", "\xa0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000",
    "\ufeff",
]  # fmt: skip

REFUSED = [
    # Every scheme but http and https, in any case, also where a parser would read http into it.
    f"javascript:alert('{MARK}')", f"JaVaScRiPt:alert('{MARK}')", f"javascript://example.org/%0aalert('{MARK}')",
    f"data:text/html,{MARK}", f"vbscript:{MARK}", f"file:///{MARK}", f"ftp://example.org/{MARK}", f"blob:https://{MARK}",
    f"about:{MARK}", f"ws://{MARK}.example/", f"view-source:https://{MARK}.example/", f"httpx://{MARK}.example/",
    f"https:{MARK}.example", f"https:/{MARK}.example/", f"https:///{MARK}.example/", f"https:\\\\{MARK}.example/",
    f"/{MARK}", f"http://?{MARK}", f"http://#{MARK}", f"feed:https://{MARK}",
    # White space and control characters inside, those that parsers drop among them.
    *(
        address.format(character, MARK)
        for character in (*SPACES, "\0", "\x01", "\x7f")
        for address in ("https://example.org/{0}{1}", "java{0}script:{1}", "ht{0}tp://{1}/", "exam{0}ple.org/{1}")
    ),
    *(f"https://example.org/{MARK}{control}" for control in "\0\x01\x7f"),
    *(f"{control}https://example.org/{MARK}" for control in "\0\x01\x7f"),
    # Without a scheme, what is no name of a host with a dot, or says more than that.
    f"{MARK}", f"{MARK}/x.y", "localhost:3000", "localhost/x", "mailto:x@y.example", "x.y@example.org", "1.2.3.4:80/x",
    "1.2.3.4", f"example.org:8080/{MARK}", f"user:secret@example.org/{MARK}", f"///example.org/{MARK}", f"{MARK}..xy",
    f".{MARK}.example", f"{MARK}.example\\x", f"[::2]/{MARK}", f"alert({MARK}).example", f"'{MARK}.example'",
    "example.", f"my_{MARK}.example", "tel:1.2",
    # Marks that turn the direction of writing.
    *(f"https://example.org/{MARK}{mark}gpj.exe" for mark in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e"),
    *(f"https://example.org/{MARK}{mark}gpj.exe" for mark in "\u2066\u2067\u2068\u2069"),
    # No address at all.
    f"https://{MARK}.example:99999/", f"https://{MARK}.example:port/", f"https://[{MARK}]/", f"https://1.2.3.256/{MARK}",
    f"https://%00{MARK}/", f"https://{MARK}%20.example/", f"https://xn--{MARK}\u00fc/", f"https://user:{MARK}@/",
    f"https://example.org/{MARK}" + "a" * 8192, f"https://example.org/{MARK}" + "\u00fc" * 1400, "",
]  # fmt: skip


@pytest.fixture
def client(web: WebServer) -> httpx.Client:
    """One visitor for all rows of the tables: making a client takes longer than its request."""
    return web.client


@pytest.mark.parametrize("url", REFUSED)
def test_refused_address_is_named_but_not_repeated(client: httpx.Client, url: str) -> None:
    link = create_link(client)

    created = client.post("/api/v1/links", json={"original_url": url})
    changed = client.patch(f"/api/v1/entries/{link['key']}", json={"original_url": url}, headers=manage_headers(link))

    for answer in (created, changed):
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("original_url", "url_invalid")]
        assert MARK not in answer.text
    assert client.get(f"/{link['key']}").headers["location"] == link["original_url"]


def test_address_with_a_lone_surrogate_is_refused(client: httpx.Client) -> None:
    answer = client.post(
        "/api/v1/links",
        content=json.dumps({"original_url": f"https://example.org/{MARK}\ud800"}).encode(),
        headers={"Content-Type": "application/json"},
    )

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "original_url")
    assert MARK not in answer.text


@pytest.mark.parametrize("url", [url for url in REFUSED if "\r" not in url])
def test_form_with_a_refused_address_comes_back_filled_in(client: httpx.Client, url: str) -> None:
    page = send_form(client, "/?kind=link", "/links", original_url=url, title="Kept")

    assert page.status_code == 422
    assert f'value="{html.escape(url).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")}"' in page.text
    assert 'value="Kept"' in page.text
    assert 'id="original_url-error"' in page.text


@pytest.mark.parametrize("space", [*SPACES, "\u200b", " \r\n\t", "\u200b \n"])
def test_white_space_around_an_address_is_dropped(client: httpx.Client, space: str) -> None:
    link = create_link(client, original_url=f"{space}https://example.org/a%20b{space}")
    assert link["original_url"] == "https://example.org/a%20b"

    changed = client.patch(
        f"/api/v1/entries/{link['key']}",
        json={"original_url": f"https://example.org/c{space}"},
        headers=manage_headers(link),
    )
    assert changed.json()["original_url"] == "https://example.org/c"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("wikipedia.org/x", "https://wikipedia.org/x"),
        (" wikipedia.org/x\n", "https://wikipedia.org/x"),
        ("wikipedia.org", "https://wikipedia.org"),
        ("WIKIPEDIA.org.?a=http://b#c", "https://WIKIPEDIA.org.?a=http://b#c"),
        ("//cdn.example.org/x.js", "https://cdn.example.org/x.js"),
        ("http.example/x:y@z", "https://http.example/x:y@z"),
        ("xn--bcher-kva.example#x", "https://xn--bcher-kva.example#x"),
        ("b\u00fccher.example/\u00fc", "https://b\u00fccher.example/\u00fc"),
        (
            "\u0939\u093f\u0928\u094d\u0926\u0940.\u092d\u093e\u0930\u0924",
            "https://\u0939\u093f\u0928\u094d\u0926\u0940.\u092d\u093e\u0930\u0924",
        ),
        ("1.2.3.example/", "https://1.2.3.example/"),
    ],
)
def test_name_of_a_host_with_a_dot_gets_https(client: httpx.Client, given: str, kept: str) -> None:
    assert create_link(client, original_url=given)["original_url"] == kept

    key = created_key(send_form(client, "/?kind=link", "/links", original_url=given))
    page = client.get(f"/{key}+", headers=BROWSER)
    assert re.split("[/?#]", kept.removeprefix("https://"))[0] in visible_text(page)


@pytest.mark.parametrize("url", ["slipbin.test/x", " slipbin.test", "//SLIPBIN.test./x"])
def test_own_address_without_a_scheme_is_refused_as_with_one(client: httpx.Client, url: str) -> None:
    answer = client.post("/api/v1/links", json={"original_url": url})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "url_of_this_service")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("HTTPS://EXAMPLE.ORG/%7Ea?b=c d".replace(" ", "+"), "HTTPS://EXAMPLE.ORG/%7Ea?b=c+d"),
        ("http://example.org:80", "http://example.org:80"),
        ("https://example.org/<b>\"'{}|\\^`", "https://example.org/<b>\"'{}|\\^`"),
        ("https://bücher.example/straße?q=ü#ü", "https://xn--bcher-kva.example/stra%C3%9Fe?q=%C3%BC#%C3%BC"),
        ("https://ドメイン.example/", "https://xn--eckwd4c7c.example/"),
        ("https://аррӏе.example/", "https://xn--80ak6aa92e.example/"),
        ("https://example.org/\U0001f98a\u200d\U0001f469", "https://example.org/%F0%9F%A6%8A%E2%80%8D%F0%9F%91%A9"),
        ("https://exam\u00adple.org/\ufffe", "https://example.org/%EF%BF%BE"),
        ("https://user:p%40ss@example.org/", "https://user:p%40ss@example.org/"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
    ],
)
def test_address_is_kept_as_given_and_sent_in_its_ascii_form(client: httpx.Client, given: str, sent: str) -> None:
    link = create_link(client, original_url=given)

    assert link["original_url"] == given
    assert client.get(f"/api/v1/entries/{link['key']}").json()["original_url"] == given
    assert client.get(f"/{link['key']}").headers["location"] == sent
    assert client.head(f"/{link['key']}").headers["location"] == sent


@pytest.mark.parametrize(
    ("url", "host", "is_warned"),
    [
        ("https://bank.example@evil.example/", "evil.example", True),
        ("https://bank.example%2Flogin:secret@evil.example:8443/", "evil.example:8443", True),
        ("https://bücher.example@evil.example/", "evil.example", True),
        ("https://a@b@evil.example/", "evil.example", True),
        (r"https://evil.example\@bank.example/", "evil.example", False),
        ("https://evil.example/@bank.example", "evil.example", False),
        ("https://evil.example?a@bank.example", "evil.example", False),
        ("https://evil.example#a@bank.example", "evil.example", False),
        ("https://аррӏе.example/", "xn--80ak6aa92e.example", False),
    ],
)
def test_preview_shows_the_host_and_warns_of_credentials(
    client: httpx.Client, url: str, host: str, is_warned: bool
) -> None:
    page = client.get(f"/{create_link(client, original_url=url)['key']}+", headers=BROWSER)

    heading = re.search(r"<h1[^>]*>(.*?)</h1>", page.text, re.DOTALL)
    assert heading
    assert html.unescape(re.sub(r"<[^>]*>", "", heading[1])).strip() == host
    assert ("has a username or password" in page.text) == is_warned
    assert url in html.unescape(re.sub(r"</?(strong|bdi)[^>]*>", "", page.text))


def test_preview_shows_a_host_of_other_letters_beside_its_punycode(client: httpx.Client) -> None:
    page = visible_text(
        client.get(f"/{create_link(client, original_url='https://аррӏе.example/x')['key']}+", headers=BROWSER)
    )

    assert re.search(r"URL as given\s+https://\s*аррӏе\.example\s*/x", page)
    assert re.search(r"URL your browser goes to\s+https://\s*xn--80ak6aa92e\.example\s*/x", page)


def test_preview_of_a_host_given_in_punycode_shows_its_letters_too(client: httpx.Client) -> None:
    page = visible_text(
        client.get(f"/{create_link(client, original_url='https://xn--80ak6aa92e.example/x')['key']}+", headers=BROWSER)
    )

    assert re.search(r"URL\s+https://\s*xn--80ak6aa92e\.example\s*/x", page)
    assert re.search(r"Host in readable form\s+аррӏе\.example", page)
    plain = visible_text(client.get(f"/{create_link(client)['key']}+", headers=BROWSER))
    assert "in letters" not in plain


HERE = [
    ("http://slipbin.test", "http://slipbin.test"),
    ("HTTP://SLIPBIN.TEST/key", "http://slipbin.test"),
    ("https://slipbin.test./key", "http://slipbin.test"),
    ("http://user:secret@slipbin.test/", "http://slipbin.test"),
    ("https://slipbin.test:80/", "http://slipbin.test"),
    ("http://%73lipbin.test/", "http://slipbin.test"),
    ("http://ｓlipbin。test/", "http://slipbin.test"),
    ("http://sl\u00adipbin.test/", "http://slipbin.test"),
    (r"http://slipbin.test\@example.org/", "http://slipbin.test"),
    ("http://xn--bcher-kva.example/", "https://bücher.example"),
    ("http://BÜCHER.example/", "https://xn--bcher-kva.example"),
    ("https://192.0.2.1/", "http://192.0.2.1"),
    ("https://0xc0.0.0x201/", "http://192.0.2.1"),
    ("https://3221225985/", "http://192.0.2.1"),
    ("https://[::ffff:192.0.2.1]/", "http://192.0.2.1"),
    ("https://[2001:DB8:0:0::1]/", "http://[2001:db8::1]"),
    ("http://localhost:8000/", "http://127.0.0.1:8000"),
    ("http://LOCALHOST.:8000/", "http://127.0.0.1:8000"),
    ("http://any.localhost:8000/", "http://localhost:8000"),
    ("http://127.1:8000/", "http://localhost:8000"),
    ("http://0x7f000001:8000/", "http://localhost:8000"),
    ("http://017700000001:8000/", "http://localhost:8000"),
    ("http://127.255.255.254:8000/", "http://[::1]:8000"),
    ("http://[0:0:0:0:0:0:0:1]:8000/", "http://localhost:8000"),
    ("http://[::ffff:127.0.0.1]:8000/", "http://localhost:8000"),
    ("http://0:8000/", "http://localhost:8000"),
    ("http://[::]:8000/", "http://localhost:8000"),
]

ELSEWHERE = [
    ("http://example.org/?http://slipbin.test", "http://slipbin.test"),
    ("http://slipbin.test@example.org/", "http://slipbin.test"),
    ("http://slipbin.test.example.org/", "http://slipbin.test"),
    ("http://www.slipbin.test/", "http://slipbin.test"),
    ("http://slipbin.tes/", "http://slipbin.test"),
    ("http://slipbin.test:8000/", "http://slipbin.test"),
    ("http://localhost:8000/", "http://localhost:8001"),
    ("http://localhost/", "http://localhost:8000"),
    ("http://localhost:8000/", "http://slipbin.test:8000"),
    ("http://notlocalhost:8000/", "http://localhost:8000"),
    ("http://localhost.example:8000/", "http://localhost:8000"),
    ("http://128.0.0.1:8000/", "http://localhost:8000"),
    ("http://bucher.example/", "https://bücher.example"),
]


@pytest.mark.parametrize(("url", "public_url"), HERE)
def test_address_of_this_service_is_known_in_every_spelling(url: str, public_url: str) -> None:
    assert is_self_link(check_url(url), public_url)


@pytest.mark.parametrize(("url", "public_url"), ELSEWHERE)
def test_address_of_another_service_is_not_taken_for_this_one(url: str, public_url: str) -> None:
    assert not is_self_link(check_url(url), public_url)
