"""What the gateway passes on, and what it adds."""

import json

import httpx
import pytest

from tests.support.entries import create_link, create_paste
from tests.support.gateway import PUBLIC_URL, Gateway
from tests.support.raw_http import POST_PASTE, connect, read_answer
from tests.support.web import WebServer

ADDED = {"server", "date", "connection", "transfer-encoding", "content-length", "set-cookie", "x-request-id"}
"""Headers of a connection, which each server makes anew, and what is drawn for each answer."""
LARGEST_TEXT = "\x01" * (10 * 1024 * 1024)


def headers_of(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in ADDED}


@pytest.mark.parametrize("path", ["/", "/privacy", "/static/favicon.svg", "/api/v1/entries/nothing", "//", "/a//b"])
def test_answers_are_those_of_the_web_process(gateway: Gateway, webs: list[WebServer], path: str) -> None:
    headers = {"Accept": "text/html", "Host": "slipbin.test", "Accept-Encoding": "gzip"}
    direct = webs[0].client.get(path, headers=headers)

    through = gateway.client.get(path, headers=headers)

    assert (through.status_code, headers_of(through)) == (direct.status_code, headers_of(direct))
    assert through.headers["server"] == "nginx"


def test_tls_and_http2_are_spoken(gateway: Gateway) -> None:
    key = create_link(gateway.client)["key"]

    with gateway.new_client(tls=True) as client:
        over_1 = client.get(f"/{key}")
    with gateway.new_client(tls=True, http2=True) as client:
        over_2 = client.get(f"/{key}")

    assert (over_1.http_version, over_1.status_code) == ("HTTP/1.1", 302)
    assert (over_2.http_version, over_2.status_code) == ("HTTP/2", 302)
    assert over_2.headers["location"] == over_1.headers["location"] == "https://example.org/target"


def test_both_web_processes_are_asked(gateway: Gateway, webs: list[WebServer]) -> None:
    used = set()
    for number in range(8):
        gateway.client.get(f"/docs/unknown-{number}")
        used.add(gateway.logged(f"/docs/unknown-{number}")["web"])

    assert used == {web.address.removeprefix("http://") for web in webs}


def test_answers_are_compressed_by_the_web_process_or_not_at_all(gateway: Gateway) -> None:
    key = create_paste(gateway.client, text="all the same " * 20_000)["key"]

    plain = gateway.client.get(f"/{key}/raw", headers={"Accept-Encoding": "gzip"})

    direct_encoding = plain.headers.get("content-encoding")
    assert direct_encoding in (None, "gzip")
    page = gateway.client.get("/docs", headers={"Accept": "text/html", "Accept-Encoding": "gzip"})
    assert page.status_code == 200


@pytest.mark.parametrize("tls", [False, True])
def test_ten_mebibytes_go_through_as_their_largest_json(gateway: Gateway, tls: bool) -> None:
    with gateway.new_client(tls=tls) as client:
        assert text_sent_and_read(client, LARGEST_TEXT) == LARGEST_TEXT


def test_a_text_goes_through_http2(gateway: Gateway) -> None:
    text = LARGEST_TEXT[: 2**18]

    with gateway.new_client(tls=True, http2=True) as client:
        assert text_sent_and_read(client, text) == text


def text_sent_and_read(client: httpx.Client, text: str) -> str:
    client.timeout = httpx.Timeout(300)
    body = b'{"text": "' + b"\\u0001" * len(text) + b'"}'
    made = client.post("/api/v1/pastes", content=body, headers={"Content-Type": "application/json"})
    assert made.status_code == 201, made.text
    return client.get(f"/{made.json()['key']}/raw").text


def test_text_that_is_too_large_is_refused_by_the_web_process(gateway: Gateway) -> None:
    made = gateway.client.post("/api/v1/pastes", json={"text": LARGEST_TEXT.replace("\x01", "x") + "x"})

    assert (made.status_code, made.json()["code"]) == (413, "text_too_large")


def test_body_beyond_all_limits_is_refused_in_our_words(gateway: Gateway) -> None:
    with connect(gateway) as connection:
        connection.sendall(POST_PASTE + f"Content-Length: {65 * 1024 * 1024 + 1}\r\n\r\n".encode())
        refused = read_answer(connection)

    assert (refused.status, json.loads(refused.body)["code"]) == (413, "body_too_large")
    assert refused.headers["content-type"] == "application/problem+json"


def test_headers_of_32_kib_are_the_web_processes_to_judge(gateway: Gateway) -> None:
    fits = gateway.client.get("/static/favicon.svg", headers={"X-Filling": "x" * 30_000})
    too_large = gateway.client.get("/static/favicon.svg", headers={"X-Filling": "x" * 20_000, "X-More": "x" * 20_000})
    beyond = gateway.client.get("/static/favicon.svg", headers={"X-Filling": "x" * 40_000})

    assert fits.status_code == 200
    for refused in (too_large, beyond):
        assert (refused.status_code, refused.json()["code"]) == (431, "headers_too_large")


def test_a_form_of_a_page_is_accepted_under_any_name_of_the_site(gateway: Gateway) -> None:
    for host in ("slipbin.test", "other.example:8443"):
        sent = gateway.client.post(
            "/links", data={"url": "https://example.org/"}, headers={"Host": host, "Origin": f"http://{host}"}
        )
        assert sent.status_code != 403, sent.text


def test_what_an_acme_client_left_is_shown_and_nothing_beside_it(gateway: Gateway) -> None:
    folder = gateway.folder.parent / "acme" / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / "token-1").write_text("token-1.thumbprint")
    (folder.parent.parent / "secret").write_text("not for others")
    (folder / "link").symlink_to("/etc/hostname")

    shown = gateway.client.get("/.well-known/acme-challenge/token-1")

    assert (shown.text, shown.headers["content-type"]) == ("token-1.thumbprint", "text/plain; charset=utf-8")
    for path in ("token-2", "link", "..%2f..%2fsecret", ""):
        assert gateway.client.get(f"/.well-known/acme-challenge/{path}").status_code != 200, path


def test_figures_of_nginx_are_on_their_own_port_alone(gateway: Gateway) -> None:
    figures = httpx.get(f"{gateway.status_address}/status", trust_env=False, timeout=60).text

    assert "Active connections" in figures
    assert "Active connections" not in gateway.client.get("/status").text
    assert PUBLIC_URL not in figures
