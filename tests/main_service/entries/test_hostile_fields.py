"""Fields that can't be accepted: the API says which and why without repeating them, the form keeps what was typed."""

import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.pages import send_form, visible_text
from tests.support.web import WebServer

MARK = "m4rk3r"
SPACES = "\u00a0\u1680\u2003\u202f\u3000"

CONTROLS = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029"]
TURNS = [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))]

Row = tuple[str, Any, str]


def rows(field: str, code: str, *values: Any) -> list[Row]:
    return [(field, value, code) for value in values]


BOTH_KINDS = [
    *rows("title", "title_invalid", *(f"{MARK}{character}{MARK}" for character in CONTROLS + TURNS)),
    *rows("title", "string_too_long", MARK + "a" * 195, MARK + "\U0001f98a" * 195),
    *rows("alias", "alias_invalid", "ab", "..", MARK + "a" * 59),
    *rows("alias", "alias_invalid", *(MARK + character for character in "\0\n\r\t /+%.~<\"'\u00fc\u202e\u200b\ufe0f")),
    *rows("visibility", "enum", "secret", "Public", MARK),
    *rows("views", "greater_than_equal", 0),
    *rows("views", "less_than_equal", 1_000_001, 999_999_999),
    *rows("views", "int_type", "-1", "1.5", "1e3", "\u0661", "0x10", MARK, "9" * 400, "1\0"),
    *rows("expires_in", "duration_invalid", f"PT{MARK}", "PT0S", "P0D", "-P1D", "P-1D", "P1Y", "P1M", "P1.5D", "PT"),
    *rows("expires_in", "duration_invalid", "P1DT", "P1D ", " P1D", "p1d", "PT\u0661H", "P9999999D", "PT99999999999S"),
    *rows("expires_in", "duration_invalid", "PT1H\0", "P1H", "NaN", "Infinity", "1e400", "1 day", "0", "-1", "0d"),
    *rows("expires_in", "duration_invalid", "7D", "d", "1d ", "1h1d", "60.5", "1y", "\u0667d", "9999999d", "P2Y"),
    *rows("expires_in", "expiry_too_far", "P366D", "PT8761H", "P999999W", "P999999WT9999999999M9999999999S"),
]  # fmt: skip

ONLY_JSON = [
    *rows("views", "greater_than_equal", -1, -(2**31), -(2**63), -(10**400)),
    *rows("views", "less_than_equal", 2**31 - 1, 2**31, 2**32, 2**63, 2**64, 10**400),
    *rows("views", "int_type", 1.0, 1.5, True, "1", "", [], {}, "\ud800"),
    *rows("expires_in", "duration_invalid", 0, -1, True, False, 1.0, 1.5, 10**10, -(10**10), 10**400, -(10**400)),
    *rows("expires_in", "duration_invalid", 2**63, -(2**63), [], {}, "", "\ud800"),
    *rows("expires_in", "expiry_too_far", 365 * 86_400 + 1, 2**31, 10**10 - 1),
    *rows("expires_at", "expiry_too_far", "2999-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
    *rows("expires_at", "expiry_too_far", "9999-12-31T23:59:59.999999-23:59", "9999-12-31T23:59:59+23:59"),
    *rows("expires_at", "expiry_past", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59"),
    *rows("expires_at", "expiry_past", "0001-01-01T00:00:00Z", "2020-02-29T00:00:00+14:00"),
    *rows("expires_at", "instant_invalid", 0, -1, True, 1.5, 2**63, 10**400, [], {}, "", MARK, "\ud800", "NaN"),
    *rows("expires_at", "instant_invalid", "9" * 400, "1893456000", "1.9e9", "2030-01-01", "10000-01-01T00:00:00Z"),
    *rows("expires_at", "timezone_aware", "2030-01-01T00:00:00"),
    *rows("expires_at", "datetime_from_date_parsing", "2030-02-30T00:00:00Z", "2030-01-01T00:00:00+24:00"),
    *rows("expires_at", "datetime_from_date_parsing", f"2030-01-01T{MARK}"),
    *rows("title", "string_unicode", f"{MARK}\ud800", f"\udfff\ud800{MARK}"),
    *rows("title", "string_type", 1),
    *rows("alias", "alias_invalid", f"{MARK}\ud800", ""),
    *rows("visibility", "enum", ""),
    *rows("visibility", "string_unicode", "\ud800"),
]  # fmt: skip

ONLY_PASTES = rows("syntax", "syntax_unknown", MARK, "\0", "python\0", " python", "py thon", "<b>", MARK * 10_000)
ONLY_PASTES_IN_JSON = [
    *rows("syntax", "syntax_unknown", "", "\ud800"),
    *rows("text", "string_too_short", ""),
    *rows("text", "string_unicode", f"{MARK}\ud800", f"\udc00\ud800{MARK}"),
]


@pytest.fixture
def client(web: WebServer) -> httpx.Client:
    """One visitor for all rows of the tables: making a client takes longer than its request."""
    return web.client


def name_of(value: Any) -> str:
    """A test's name, which xdist wants in printable characters."""
    return ascii(value)[:40]


def cases(*tables: list[Row]) -> Any:
    return pytest.mark.parametrize(
        ("field", "value", "code"), [case for table in tables for case in table], ids=name_of
    )


def send_json(
    client: httpx.Client, method: str, address: str, fields: dict[str, Any], **headers: str
) -> httpx.Response:
    """Send JSON as Python writes it: lone surrogates and infinite numbers too."""
    content = json.dumps(fields).encode()
    return client.request(method, address, content=content, headers={"Content-Type": "application/json"} | headers)


def assert_refused(answer: httpx.Response, field: str, code: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code", "errors"} == set(problem)
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, code)]
    assert problem["errors"][0]["message"].endswith(".")
    assert MARK not in answer.text


@cases(BOTH_KINDS, ONLY_JSON)
def test_link_with_a_hostile_field_is_refused(client: httpx.Client, field: str, value: Any, code: str) -> None:
    answer = send_json(client, "POST", "/api/v1/links", {"original_url": "https://example.org/", field: value})

    assert_refused(answer, field, code)


@cases(ONLY_PASTES, ONLY_PASTES_IN_JSON)
def test_paste_with_a_hostile_field_is_refused(client: httpx.Client, field: str, value: Any, code: str) -> None:
    assert_refused(send_json(client, "POST", "/api/v1/pastes", {"text": "a", field: value}), field, code)


@cases([row for row in BOTH_KINDS + ONLY_JSON if row[0] not in ("alias", "views")], ONLY_PASTES, ONLY_PASTES_IN_JSON)
def test_change_to_a_hostile_field_is_refused_and_changes_nothing(
    client: httpx.Client, field: str, value: Any, code: str
) -> None:
    paste = create_paste(client, title="kept")
    address = f"/api/v1/entries/{paste['key']}"
    before = client.get(address).json()

    assert_refused(send_json(client, "PATCH", address, {field: value}, **manage_headers(paste)), field, code)

    assert client.get(address).json() == before


class FormFields(HTMLParser):
    """What the controls of a page hold, by their names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "input":
            self.values[named.get("name") or ""] = named.get("value") or ""
        elif tag in ("textarea", "select"):
            self._open = named.get("name") or ""
        elif tag == "option" and "selected" in named:
            self.values[self._open] = named.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self._open == "text":
            # A browser drops the first line end.
            self.values["text"] = self.values.get("text", "") + data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.values["text"] = self.values["text"].removeprefix("\n")
            self._open = ""


@cases(BOTH_KINDS, ONLY_PASTES, rows("text", "missing", ""))
def test_form_with_a_hostile_field_comes_back_filled_in(
    client: httpx.Client, field: str, value: Any, code: str
) -> None:
    name = "lifetime" if field == "expires_in" else field
    text = f"\n</textarea><script>{MARK}</script>\n"
    sent = {"text": text, "title": f'"><b>{MARK}', "syntax": "python", "visibility": "public", "lifetime": "P7D"}

    page = send_form(client, "/", "/pastes", **sent | {name: str(value)})

    assert (page.status_code, page.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert f'id="{name}-error"' in page.text
    shown = FormFields(page.text).values
    typed = {n: v for n, v in (sent | {name: str(value)}).items() if n in ("text", "title", "alias", "views")}
    assert {n: shown[n] for n in typed} == {n: v.replace("\r\n", "\n") for n, v in typed.items()}
    assert {n: shown[n] for n in ("syntax", "visibility", "lifetime") if n != name} == {
        n: sent[n] for n in ("syntax", "visibility", "lifetime") if n != name
    }
    assert "<script>m4" not in page.text
    assert "<b>m4" not in page.text


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("", None),
        ("   ", None),
        (SPACES, None),
        (" \t\n ", None),
        ("\u200b", None),
        ("\u200b\u200c\u200d\u2060\ufeff\u00ad", None),
        ("\u200e\u200f\u061c", None),
        ("\u2800\u3164\u115f\uffa0\u034f", None),
        ("\ufe0f", None),
        ("\U000e0041\U000e0100", None),
        (f" \t{SPACES}title{SPACES}\n", "title"),
        ("\u200bzero\u200bwidth\u200b", "\u200bzero\u200bwidth\u200b"),
        ("\u05e9\u200f!", "\u05e9\u200f!"),
        ("\u0301", "\u0301"),
        ("z\u0335\u0321" * 60, "z\u0335\u0321" * 60),
        ("\U0001f468\u200d\U0001f469\ufe0f", "\U0001f468\u200d\U0001f469\ufe0f"),
        ("\ufffe\uffff\U0010ffff\ue000", "\ufffe\uffff\U0010ffff\ue000"),
        ("</title><script>alert(1)</script>", "</title><script>alert(1)</script>"),
        ("\U0001f98a" * 200, "\U0001f98a" * 200),
    ],
    ids=name_of,
)
def test_title_is_kept_unless_there_is_nothing_to_see_in_it(client: httpx.Client, title: str, kept: str | None) -> None:
    link = create_link(client, title=title)
    changed = create_paste(client, title="before")

    client.patch(f"/api/v1/entries/{changed['key']}", json={"title": title}, headers=manage_headers(changed))

    assert link["title"] == kept
    for entry in (link, changed):
        assert client.get(f"/api/v1/entries/{entry['key']}").json()["title"] == kept


def test_title_that_opens_a_direction_never_reaches_a_page(client: httpx.Client) -> None:
    for turn in TURNS:
        page = send_form(client, "/?kind=link", "/links", original_url="https://example.org/", title=f"a{turn}b")

        assert page.status_code == 422
        assert "A title can't contain line breaks or control characters." in visible_text(page)


def test_lifetime_may_be_the_longest_to_the_second(client: httpx.Client) -> None:
    end = datetime.now(UTC) + timedelta(days=365)

    assert create_link(client, expires_in=365 * 86_400)["expires_at"]
    assert create_link(client, expires_in="PT31536000S")["expires_at"]
    assert create_link(client, expires_at=(end - timedelta(seconds=1)).isoformat())["expires_at"]
