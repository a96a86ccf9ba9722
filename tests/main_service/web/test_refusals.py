"""Every refusal has one shape for programs and never repeats what was sent; whole bodies and methods here."""

import json

import httpx
import pytest

from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.pages import BROWSER, visible_text
from tests.support.web import WebServer

JSON = {"Content-Type": "application/json"}
MARK = "m4rk3r"
FLAT = {"/api/v1/pastes": f'"text": "{MARK}"', "/api/v1/links": f'"original_url": "https://{MARK}.example/"'}

BODIES = {
    "nothing": b"",
    "no json": MARK.encode(),
    "cut off": f'{{"text": "{MARK}'.encode(),
    "a list": f'["{MARK}"]'.encode(),
    "a string": f'"{MARK}"'.encode(),
    "null": b"null",
    "a number": b"1e400",
    "not utf-8": f'{{"text": "{MARK}'.encode() + b'\xff"}',
    "surrogates as utf-8": f'{{"text": "{MARK}'.encode() + b'\xed\xa0\x80"}',
    "utf-16": f'{{"text": "{MARK}"}}'.encode("utf-16"),
    "two byte order marks": f'\ufeff\ufeff{{"text": "{MARK}"}}'.encode(),
    "byte order mark behind": f'{{"text": "{MARK}"}}\ufeff'.encode(),
    "a raw control character": f'{{"text": "{MARK}\n"}}'.encode(),
    "two objects": f'{{"text": "{MARK}"}}{{}}'.encode(),
    "single quotes": f"{{'text': '{MARK}'}}".encode(),
    "a comma too many": f'{{"text": "{MARK}",}}'.encode(),
    "deep lists": b'{"text": ' + b"[" * 2_000 + b"]" * 2_000 + b"}",
    "deep objects": b'{"a":' * 190 + b"1" + b"}" * 190,
    "a very long number": b'{"expires_in": ' + b"9" * 4_000 + b"}",
    "a longer number": b'{"expires_in": ' + b"9" * 4_301 + b"}",
}
VALUES = ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "true", "[]", "{}", '{"a": 1}', f'["{MARK}"]']


@pytest.fixture
def client(web: WebServer) -> httpx.Client:
    """One visitor for all rows of the tables: making a client takes longer than its request."""
    return web.client


def assert_is_a_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code", "errors"} == set(problem)
    assert (problem["type"], problem["status"], problem["code"]) == ("about:blank", status, code)
    assert problem["title"]
    assert problem["detail"]
    assert all({"field", "code", "message"} == set(error) for error in problem["errors"])
    assert MARK not in answer.text


@pytest.mark.parametrize("address", ["/api/v1/pastes", "/api/v1/links", "/api/v1/entries/{key}"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_body_that_is_no_flat_object_is_refused(client: httpx.Client, address: str, body: bytes) -> None:
    paste = create_paste(client)

    method = "PATCH" if "{key}" in address else "POST"
    answer = client.request(method, address.format(**paste), content=body, headers=JSON | manage_headers(paste))

    assert_is_a_problem(answer, 422, "invalid_input")
    assert answer.json()["errors"]
    assert client.get(f"/{paste['key']}").text == "some text\n"


def test_byte_order_mark_before_a_body_is_passed_over(client: httpx.Client) -> None:
    """PowerShell and Windows editors put one into files."""
    paste = create_paste(client)
    created = client.post("/api/v1/pastes", content='\ufeff{"text": "\ufeffkept"}'.encode(), headers=JSON)
    changed = client.patch(
        f"/api/v1/entries/{paste['key']}",
        content='\ufeff{"title": "new"}'.encode(),
        headers=JSON | manage_headers(paste),
    )

    assert (created.status_code, changed.status_code) == (201, 200)
    assert client.get(f"/{created.json()['key']}/raw").content == "\ufeffkept".encode()
    assert changed.json()["title"] == "new"


@pytest.mark.parametrize("address", FLAT)
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("field", ["text", "original_url", "title", "alias", "syntax", "visibility", "expires_in"])
def test_value_of_another_type_is_refused(client: httpx.Client, address: str, field: str, value: str) -> None:
    fields = FLAT[address] if f'"{field}"' not in FLAT[address] else '"title": null'

    answer = client.post(address, content=f'{{{fields}, "{field}": {value}}}'.encode(), headers=JSON)

    assert_is_a_problem(answer, 422, "invalid_input")


@pytest.mark.parametrize("address", FLAT)
def test_name_that_stands_twice_is_refused_even_with_one_value(client: httpx.Client, address: str) -> None:
    for fields in (f"{FLAT[address]}, {FLAT[address]}", f'{FLAT[address]}, "title": null, "t\\u0069tle": "{MARK}"'):
        answer = client.post(address, content=f"{{{fields}}}".encode(), headers=JSON)

        assert_is_a_problem(answer, 422, "invalid_input")
        assert [error["message"] for error in answer.json()["errors"]] == ["A name is given twice in the body."]


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp",
     "application/octet-stream", f"application/{MARK}", "json", "\xff"],
)  # fmt: skip
def test_body_of_another_content_type_is_refused(client: httpx.Client, content_type: str) -> None:
    for address, fields in FLAT.items():
        headers = {"Content-Type": content_type.encode("latin-1")}
        answer = client.post(address, content=f"{{{fields}}}".encode(), headers=headers)

        assert_is_a_problem(answer, 422, "invalid_input")
        assert "application/json" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-16", "APPLICATION/JSON", "application/x+json"])
def test_json_is_utf_8_whatever_its_content_type_claims(client: httpx.Client, content_type: str) -> None:
    answer = client.post("/api/v1/pastes", content='{"text": "ü"}'.encode(), headers={"Content-Type": content_type})

    assert answer.status_code == 201
    assert client.get(f"/{answer.json()['key']}").content == "ü".encode()


@pytest.mark.parametrize("address", FLAT)
def test_unknown_field_is_refused_by_its_name_without_its_value(client: httpx.Client, address: str) -> None:
    for name in ("key", "owner_id", "created_at", "lifetime", "csrf_token", "__class__", "Title", "body", "path", "0"):
        answer = client.post(address, content=f'{{{FLAT[address]}, "{name}": "{MARK}"}}'.encode(), headers=JSON)

        assert_is_a_problem(answer, 422, "invalid_input")
        assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(name, "extra_forbidden")]


@pytest.mark.parametrize("address", FLAT)
def test_unknown_field_whose_name_is_hostile_is_not_named(client: httpx.Client, address: str) -> None:
    for name in (f"<{MARK}>", f"{MARK}\\u0000", f"{MARK}\\ud800", MARK * 20, f"{MARK}\\u202e", f"{MARK}.a", f"{MARK} "):
        answer = client.post(address, content=f'{{{FLAT[address]}, "{name}": 1}}'.encode(), headers=JSON)

        assert_is_a_problem(answer, 422, "invalid_input")


def test_manage_token_is_never_repeated(client: httpx.Client) -> None:
    link = create_link(client)
    address = f"/api/v1/entries/{link['key']}"

    for token, status, code in (
        (MARK, 403, "manage_token_wrong"),
        (MARK * 40, 422, "invalid_input"),
        (f"{MARK}ÿ".encode("latin-1"), 403, "manage_token_wrong"),
    ):
        assert_is_a_problem(client.delete(address, headers={"X-Manage-Token": token}), status, code)
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("key", [b"", MARK.encode() * 43, f"{MARK} {MARK}".encode(), f"{MARK}\xff".encode("latin-1")])
def test_malformed_idempotency_key_is_never_repeated(client: httpx.Client, key: bytes) -> None:
    for address, fields in FLAT.items():
        headers = {"Content-Type": b"application/json", "Idempotency-Key": key}
        answer = client.post(address, content=f"{{{fields}}}".encode(), headers=headers)

        assert_is_a_problem(answer, 422, "invalid_input")
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    "key", [MARK, MARK * 20, f"%00{MARK}", f"%ff{MARK}", f"{MARK}%0d%0aX-Injected:%201", f"..%2f{MARK}"]
)
def test_address_of_nothing_is_never_repeated(client: httpx.Client, key: str) -> None:
    for address in (f"/api/v1/entries/{key}", f"/api/v1/entries/{key}/text", f"/{key}", f"/{key}/raw", f"/{key}+"):
        assert_is_a_problem(client.get(address), 404, "not_found")
        if not address.startswith("/api/"):
            page = client.get(address, headers=BROWSER)
            assert (page.status_code, MARK in page.text) == (404, False)


@pytest.mark.parametrize(
    ("address", "methods"),
    [
        ("/", "GET, HEAD, POST, PUT"),
        ("/pastes", "GET, HEAD, POST, PUT, DELETE"),
        ("/links", "GET, HEAD, POST, PUT, DELETE"),
        ("/docs", "GET, HEAD, POST, PUT, DELETE"),
        ("/static/style/base.css", "GET, HEAD"),
        ("/some-key", "GET, HEAD, POST, PUT, DELETE"),
        ("/some-key/raw", "GET, HEAD"),
        ("/some-key/manage", "GET, HEAD, POST"),
        ("/some-key/manage/delete", "GET, HEAD, POST"),
        ("/some-key/reveal", "GET, HEAD, POST"),
        ("/api/v1/pastes", "POST"),
        ("/api/v1/links", "POST"),
        ("/api/v1/entries/some-key", "GET, HEAD, PATCH, DELETE"),
        ("/api/v1/entries/some-key/text", "GET, HEAD"),
    ],
)
def test_wrong_method_is_told_all_right_ones(client: httpx.Client, address: str, methods: str) -> None:
    for method in {"PUT", "OPTIONS", "TRACE"} - set(methods.split(", ")):
        answer = client.request(method, address)

        assert_is_a_problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == methods


def multipart(fields: dict[str, bytes]) -> tuple[bytes, dict[str, str]]:
    """A form as bytes, which need not be UTF-8."""
    parts = [
        b'--x\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value + b"\r\n"
        for name, value in fields.items()
    ]
    return b"".join(parts) + b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.mark.parametrize("value", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"])
def test_form_that_is_not_utf_8_is_refused_as_a_page(client: httpx.Client, value: bytes) -> None:
    """There is nothing that could be filled in again."""
    for name, address in (("text", "/pastes"), ("title", "/pastes"), ("original_url", "/links"), ("alias", "/links")):
        body, headers = multipart({name: MARK.encode() + value})

        page = client.post(address, content=body, headers=BROWSER | headers)

        assert page.status_code == 422
        assert "The form is not in UTF-8" in visible_text(page)
        assert MARK not in page.text


def test_unknown_field_of_a_form_is_refused(client: httpx.Client) -> None:
    body, headers = multipart({"text": b"kept", "owner_id": MARK.encode()})

    page = client.post("/pastes", content=body, headers=BROWSER | headers)

    assert page.status_code == 422
    assert "There is no such field" in visible_text(page)
    assert ">\nkept</textarea>" in page.text
    assert MARK not in page.text


def test_no_refusal_is_html_for_a_program_of_the_api(client: httpx.Client) -> None:
    answer = client.post("/api/v1/pastes", content=json.dumps({"text": ""}), headers=JSON | BROWSER)

    assert_is_a_problem(answer, 422, "invalid_input")
