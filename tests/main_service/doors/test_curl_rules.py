"""Which plain request is which: a text, a link, a replacement, and who sends it. Sent as the programs send them."""

import base64

import httpx
import pytest

from tests.support.accounts import create_api_token, new_user, sign_in_on_page
from tests.support.entries import create_link, create_paste, list_entry_keys, manage_headers
from tests.support.web import WebServer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def key_of(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == answer.headers["location"] + "\n"
    return answer.text.strip().rpartition("/")[2]


def text_of(client: httpx.Client, key: str) -> bytes:
    return client.get(f"/{key}/raw").content


@pytest.mark.parametrize(
    ("body", "target"),
    [
        (b"url=https://example.org/?a=1&b=2#c", "https://example.org/?a=1&b=2#c"),
        (b"shorten=http://example.org/%C3%BC+x\n", "http://example.org/%C3%BC+x"),
        (b"url=https%3A%2F%2Fexample.org%2F%3Fa%3D1%26b%3D2", "https://example.org/?a=1&b=2"),
        (b"shorten=https%3a%2f%2fexample.org%2fa%2Bb\r\n", "https://example.org/a+b"),
    ],
)
def test_form_that_is_a_url_is_a_link(client: httpx.Client, body: bytes, target: str) -> None:
    key = key_of(client.post("/", content=body, headers=FORM))

    assert client.get(f"/{key}").headers["location"] == target


@pytest.mark.parametrize(
    "body",
    [
        b"url=ftp://example.org/",
        b"url=",
        b"URL=https://example.org/",
        b"a=1&url=https://example.org/",
        b"url=https://example.org/\nline 2",
        b"url=https://example.org/\n\n",
        b"text=hello&views=1",
        b" url=https://example.org/",
        b"%41=%42+c",
    ],
)
def test_any_other_form_is_a_text_to_the_byte(client: httpx.Client, body: bytes) -> None:
    assert text_of(client, key_of(client.post("/", content=body, headers=FORM))) == body


def test_url_in_any_other_type_is_a_text(client: httpx.Client) -> None:
    body = b"url=https://example.org/"

    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json"}):
        assert text_of(client, key_of(client.post("/", content=body, headers=headers))) == body
    assert text_of(client, key_of(client.put("/url", content=body, headers=FORM))) == body


def test_encoded_form_with_more_than_its_url_is_refused(client: httpx.Client) -> None:
    answer = client.post("/", content=b"url=https%3A%2F%2Fexample.org&views=1", headers=FORM)

    assert (answer.status_code, "in the query" in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    ("body", "offset"),
    [(b"a\xff", 1), (b"abc\xc3", 3), (b"\xed\xa0\x80", 0), (b"x" * 262_143 + b"\xc3(", 262_143), (b"\xc0\x80", 0)],
)
def test_what_is_no_utf_8_is_refused_with_the_first_bad_offset(client: httpx.Client, body: bytes, offset: int) -> None:
    for answer in (client.put("/x", content=body), client.post("/", files={"file": ("x", body)})):
        assert answer.status_code == 422
        assert f"at offset {offset}." in answer.json()["detail"]


def test_named_encoding_is_turned_into_utf_8(client: httpx.Client) -> None:
    for encoding in ("latin-1", "utf-16", "shift_jis", "windows-1251"):
        text = {"latin-1": "café", "utf-16": "日本 \U0001f600", "shift_jis": "日本", "windows-1251": "да"}[encoding]
        key = key_of(client.put("/x.txt", content=text.encode(encoding), params={"encoding": encoding}))
        assert text_of(client, key) == text.encode()
    for encoding in ("zlib", "rot13", "idna", "nonsense", "utf-7", ""):
        answer = client.put("/x", content=b"x", params={"encoding": encoding})
        assert answer.status_code == 422, encoding
    for encoding, wrong in (
        ("cp1252", b"a\x81"),
        ("utf-16", "no order".encode("utf-16-le")),
        ("utf-32", "no order".encode("utf-32-le")),
        ("utf-16", b"\xff\xfe\x00\xd8"),
        ("utf-16-le", b"\x00\xd8a\x00"),
    ):
        answer = client.put("/x", content=wrong, params={"encoding": encoding})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "encoding_invalid"), encoding


def test_byte_order_mark_is_kept(client: httpx.Client) -> None:
    body = b"\xef\xbb\xbftext\r\n"

    assert text_of(client, key_of(client.put("/x", content=body))) == body


@pytest.mark.parametrize(("line_end", "quote"), [(b"\r\n", b'\\"'), (b"\n", b"%22")])
def test_multipart_form_counts_with_either_line_end(client: httpx.Client, line_end: bytes, quote: bytes) -> None:
    text = b"--x\r\nlast\n--edge\r\r\n"
    lines = [
        b"a preamble",
        b"--edge--not",
        b"--edge",
        b'content-disposition: form-data; name="other"',
        b"",
        b"aside",
        b"--edge",
        b'Content-Disposition: form-data; name="f:1"; filename="../../etc/pass' + quote + b'wd.py"',
        b"Content-Type: text/x-whatever",
        b"",
        text.replace(b"--edge", b"--no"),
        b"--edge--",
        b"epilogue",
    ]
    body = line_end.join(lines[2:])

    answer = client.post("/", content=body, headers={"Content-Type": 'multipart/form-data; boundary="edge"'})

    key = key_of(answer)
    assert text_of(client, key) == text.replace(b"--edge", b"--no")
    assert client.get(f"/api/v1/entries/{key}").json()["title"] == "pass_wd.py"


@pytest.mark.parametrize(
    ("boundary", "body"),
    [
        ("", b"--\r\n"),
        ("x", b""),
        ("x", b"--x--\r\n"),
        ("x", b"--x\r\n"),
        ("x", b"--x\r\n--x--\r\n"),
        ("x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nno end'),
        ("x", b'--x\r\nContent-Disposition: form-data; name="file"'),
        ("x", b"--x\r\n" + b"a: b\r\n" * 9_000 + b"\r\n\r\n--x--"),
        ("x", b"--x\r\n\r\n\r\n" * 100 + b"--x--"),
        ("x", b'--x\r\nContent-Disposition: form-data; name="nothing we know"\r\n\r\na\r\n--x--\r\n'),
        ("x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n\r\n--x--\r\n'),
        ("y" * 71, b"--" + b"y" * 71 + b"\r\n\r\na\r\n--" + b"y" * 71 + b"--"),
    ],
)
def test_form_that_cannot_be_read_is_refused(client: httpx.Client, boundary: str, body: bytes) -> None:
    answer = client.post("/", content=body, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"})

    assert answer.status_code == 422, answer.text


def test_url_in_a_part_is_a_link(client: httpx.Client) -> None:
    for name in ("url", "shorten"):
        key = key_of(client.post("/", files={name: (None, "https://example.org/x?y=z\n")}))
        assert client.get(f"/{key}").headers["location"] == "https://example.org/x?y=z"


def test_empty_body_is_refused_everywhere(client: httpx.Client) -> None:
    paste = create_paste(client)
    manage = manage_headers(paste)

    for answer in (
        client.put("/x", content=b""),
        client.put("/", content=b""),
        client.post("/", content=b""),
        client.post("/", content=b"", headers=FORM),
        client.put(f"/{paste['key']}", content=b"", headers=manage),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "empty")


def test_options_come_by_query_and_by_header(client: httpx.Client) -> None:
    user = new_user(client)
    options = {"expires": "1h", "views": "3", "syntax": "yaml", "title": "Gr\u00fc\u00dfe", "visibility": "private"}

    for sent in ({"params": options}, {"headers": {name: value.encode() for name, value in options.items()}}):
        headers = {**user.headers, "Accept": "application/json", **sent.get("headers", {})}
        made = client.put("/x.py", content=b"a: b", params=sent.get("params"), headers=headers)
        assert made.status_code == 201, made.text
        shown = {name: made.json()[name] for name in ("views_left", "syntax", "title", "visibility", "manage_token")}
        assert shown == {
            "views_left": 3, "syntax": "yaml", "title": "Gr\u00fc\u00dfe", "visibility": "private", "manage_token": None
        }  # fmt: skip
    twice = client.put("/x", content=b"a", params={"views": "1"}, headers={"Views": "1"})
    assert twice.json()["errors"][0]["code"] == "option_twice"
    assert client.put("/x", content=b"a", params={"expire": "1h"}).status_code == 422


def test_name_of_the_file_is_the_title_and_gives_the_language(client: httpx.Client) -> None:
    for request in (
        client.build_request("PUT", "/caf%C3%A9.py", content=b"x = 1"),
        client.build_request("POST", "/", files={"file": ("caf\u00e9.py", b"x = 1")}),
    ):
        request.headers["Accept"] = "application/json"
        made = client.send(request).json()
        assert (made["title"], made["detected_syntax"]) == ("caf\u00e9.py", "python")


@pytest.mark.parametrize("name", ["..%2f..%2fetc", "%00", "%0a%0d", "%E2%80%AEgpj.exe", "x" * 900, "%ff", "..", " "])
def test_hostile_name_makes_no_hostile_title(client: httpx.Client, name: str) -> None:
    answer = client.put(f"/{name}", content=b"a", headers={"Accept": "application/json"})

    assert answer.status_code in (201, 404, 405), answer.text
    if answer.status_code == 201:
        title = answer.json()["title"] or ""
        assert len(title) <= 200
        assert not set(title) & set("\x00\r\n/\u202e")


def test_key_is_replaced_with_its_manage_token_alone(client: httpx.Client) -> None:
    paste = create_paste(client, text="before")
    path, manage = f"/{paste['key']}", manage_headers(paste)

    other = key_of(client.put(path, content=b"another"))
    assert other != paste["key"]
    assert client.put(path, content=b"x", headers={"X-Manage-Token": "wrong"}).status_code == 403
    assert client.put(path, content=b"x", params={"replace": ""}).status_code == 422, "no token came"
    assert text_of(client, paste["key"]) == b"before"
    replaced = client.put(path, content=b"after", headers=manage)
    assert (replaced.status_code, replaced.text) == (200, f"{paste['url']}\n")
    assert text_of(client, paste["key"]) == b"after"
    stale = client.put(path, content=b"x", headers=manage | {"If-Match": '"1"'})
    assert stale.status_code == 412


def test_key_of_a_user_is_replaced_with_their_token_and_a_word(client: httpx.Client) -> None:
    owner, stranger = new_user(client), new_user(client)
    key = key_of(client.put("/mine.txt", content=b"before", headers=owner.headers))

    assert client.put(f"/{key}", content=b"x", headers=owner.headers).status_code == 201, "a file of that name"
    assert client.put(f"/{key}?replace", content=b"x", headers=stranger.headers).status_code == 403
    assert client.put(f"/{key}?replace", content=b"after", headers=owner.headers).status_code == 200
    assert text_of(client, key) == b"after"


def test_unknown_key_with_a_token_is_never_a_create(client: httpx.Client) -> None:
    owner = new_user(client)
    for path in ("/unknown-key", "/notes.txt", "/x", "/"):
        for params, headers in (
            ({}, {"X-Manage-Token": "any"}),
            ({"replace": ""}, dict(owner.headers)),
            ({"replace": "1"}, {**owner.headers, "X-Manage-Token": "any"}),
        ):
            assert client.put(path, content=b"x", params=params, headers=headers).status_code == 404, path
    assert list_entry_keys(client, owner) == []


def test_delete_needs_the_token(client: httpx.Client) -> None:
    for entry in (create_paste(client), create_link(client)):
        path = f"/{entry['key']}"
        assert client.delete(path).status_code == 401
        assert client.delete(path, headers={"X-Manage-Token": "wrong"}).status_code == 403
        assert client.delete(path, headers=manage_headers(entry)).status_code == 204
        assert client.get(path).status_code == 410


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"any:{password}".encode()).decode()}


def test_api_token_counts_as_bearer_key_and_password_of_a_program(client: httpx.Client) -> None:
    token = create_api_token(client, new_user(client), "read", "write")

    for headers in (basic(token), {"X-Api-Key": token}, {"Authorization": f"Bearer {token}"}):
        made = client.put("/x", content=b"a", headers=headers)
        assert "X-Manage-Token" not in made.headers
        assert client.delete(f"/{key_of(made)}", headers=headers).status_code == 204
    for headers in (basic("wrong"), {"X-Api-Key": "wrong"}, {"Authorization": "Bearer wrong"}):
        refused = client.put("/x", content=b"a", headers=headers)
        assert (refused.status_code, refused.headers["www-authenticate"].split()[0]) == (401, "Bearer")


@pytest.mark.parametrize("browser", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://slipbin.test"}])
def test_password_counts_for_nothing_in_a_browser(client: httpx.Client, browser: dict[str, str]) -> None:
    token = create_api_token(client, new_user(client), "read", "write")
    made = client.put("/x", content=b"a", headers=basic(token) | browser)

    assert made.headers["X-Manage-Token"], "it is a guest's"


def test_no_cookie_counts(web: WebServer) -> None:
    with web.new_client() as browser:
        user = new_user(browser)
        assert sign_in_on_page(browser, user.email).status_code == 303
        made = browser.put("/x", content=b"a")
        assert made.headers["X-Manage-Token"]
        mine = key_of(browser.put("/x", content=b"a", headers=user.headers))
        assert browser.delete(f"/{mine}").status_code == 401


def test_same_request_again_makes_one_entry(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "plain-1"}
    keys = {key_of(client.put("/x", content=b"once", headers=headers)) for _ in range(2)}

    assert len(keys) == 1
    assert client.put("/x", content=b"other", headers=headers).status_code == 409
    assert client.put("/x", content=b"once", headers=headers | {"Views": "1"}).status_code == 409
    assert client.put("/x", content=b"once", headers={"Idempotency-Key": "a b"}).status_code == 422


def test_same_form_again_makes_one_entry_whatever_its_boundary(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "form-1"}
    sent = [client.post("/", files={"file": ("a.py", b"once")}, headers=headers) for _ in range(2)]

    assert len({answer.request.headers["content-type"] for answer in sent}) == 2
    assert len({key_of(answer) for answer in sent}) == 1
    assert client.post("/", files={"file": ("b.py", b"once")}, headers=headers).status_code == 409


def test_terminal_gets_ten_lines_of_help_and_a_browser_the_page(client: httpx.Client) -> None:
    shown = client.get("/", headers={"Accept": "*/*"})
    assert shown.headers["content-type"] == "text/plain; charset=utf-8"
    assert (len(shown.text.splitlines()), "curl -T- http://slipbin.test/" in shown.text) == (10, True)
    assert max(map(len, shown.text.splitlines())) <= 110
    assert "{" not in shown.text
    for headers in ({"Accept": "text/html"}, {"Accept": "*/*", "User-Agent": "Slackbot-LinkExpanding 1.0"}):
        assert "<html" in client.get("/", headers=headers).text


def test_replacing_takes_no_option_that_cannot_change(client: httpx.Client) -> None:
    paste = create_paste(client)
    for option in ({"alias": "another-name"}, {"views": "1"}):
        answer = client.put(f"/{paste['key']}", content=b"a", params=option, headers=manage_headers(paste))
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, next(iter(option)))
