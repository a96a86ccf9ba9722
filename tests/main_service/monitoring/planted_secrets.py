"""Secrets, and requests that have them wherever the service takes any."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from celery import Celery

from tests.support.accounts import bearer, session_cookie_of, sign_in, sign_in_on_page
from tests.support.database import execute
from tests.support.engines import Environment
from tests.support.entries import manage_headers
from tests.support.gates import Gated
from tests.support.pages import BROWSER
from tests.support.raw_http import LoggedWebServer, exchange

TITLE = "planted-title-of-a-paste"
"""What makes the database refuse a row, so that a request meets a bug."""


# Each is what it says, and stands in no line of ours.
PLANTED = {
    "MAIN_SECRET": "plantedsecret0123456789abcdefghijklmnop",
    "metrics token": "plantedmetricstoken4242",
    "database password": "PlantedPgPass",
    "Redis password": "PlantedRedisPass",
    "SMTP password": "PlantedSmtpPass",
    "S3 secret": "PlantedS3Secret/abcdefgh",
    "S3 key id": "PLANTEDS3KEYID123",
    "password": "Planted-Password-1",
    "wrong password": "planted wrong password",
    "user name": "planted-name",
    "email": "planted.address@mail.example",
    "unknown email": "planted-unknown@mail.example",
    "display name of an email": "Planted Person",
    "text": "planted text of a paste",
    "title": TITLE,
    "target": "planted-target.example",
    "userinfo of a target": "planteduser:plantedpassword",
    "query of a target": "plantedquery=plantedvalue",
    "alias": "planted-alias",
    "client address": "203.0.113.177",
    "IPv6 client address": "2001:db8:77:1234::77",
    "query string": "planted-in-the-query",
    "signature": "plantedsignature99",
    "verify token": "plantedverifytoken0123456789abcdef",
    "reset token": "plantedresettoken0123456789abcdef",
    "Idempotency-Key": "planted-idempotency-key",
    "manage token of a header": "plantedmanagetoken0123456789abcdefghijklmnop",
    "basic authorization": "cGxhbnRlZDpiYXNpYw==",
    "bearer": "plantedbearer.plantedpayload.plantedsig",
    "malformed authorization": "planted malformed authorization",
    "cookie": "plantedcookie0123456789",
    "path": "planted-part-of-a-path",
    "name of a field": "planted_field_name",
    "value of a field": "planted value of a field",
    "form field": "planted value of a form",
    "garbage": "planted-garbage",
    "referrer": "planted-referrer.example",
    "email in a user agent": "planted.bot@mail.example",
    "task argument": "planted task argument",
    "unknown task argument": "planted argument of no task",
    "shared key": "plantedsharedkey01234567",
    "key of the collector": "plantedcollectorkey",
    "bearer of the collector": "planted/otlp",
}


@contextmanager
def refused_rows(environment: Environment) -> Iterator[None]:
    """The database refuses rows of entries and visits; its errors repeat them whole."""
    execute(
        environment,
        # Its error repeats the value, the next one's the row.
        f"ALTER TABLE entry ADD CONSTRAINT planted_cast CHECK (title IS DISTINCT FROM '{TITLE}' OR title::int > 0)"
        " NOT VALID",
        f"ALTER TABLE entry ADD CONSTRAINT planted_row CHECK (title IS DISTINCT FROM '{TITLE}-2') NOT VALID",
        f"ALTER TABLE visit ADD CONSTRAINT planted CHECK (key <> '{PLANTED['alias']}') NOT VALID",
    )
    try:
        yield
    finally:
        execute(
            environment,
            "ALTER TABLE entry DROP CONSTRAINT planted_cast, DROP CONSTRAINT planted_row",
            "ALTER TABLE visit DROP CONSTRAINT planted",
        )


def _accepted(answer: httpx.Response) -> httpx.Response:
    assert answer.is_success or answer.is_redirect, answer.text
    return answer


def ask_for_everything(client: httpx.Client) -> dict[str, str]:
    """Requests with secrets that succeed or are refused; return the secrets that the service has made meanwhile."""
    made: dict[str, str] = {}
    account = {"email": PLANTED["email"], "username": PLANTED["user name"], "password": PLANTED["password"]}
    _accepted(client.post("/api/v1/auth/register", json=account))
    client.post("/api/v1/auth/register", json=account | {"email": f"{PLANTED['display name of an email']} <x"})
    client.post("/api/v1/auth/token", json={"email": PLANTED["email"], "password": PLANTED["wrong password"]})
    client.post("/api/v1/auth/forgot-password", json={"email": PLANTED["unknown email"]})
    client.post("/api/v1/auth/forgot-password", json={"email": PLANTED["email"]})
    tokens = sign_in(client, PLANTED["email"], PLANTED["password"])
    made |= {"JWT": tokens["access_token"], "refresh token": tokens["refresh_token"]}
    mine = bearer(tokens["access_token"])
    token = _accepted(client.post("/api/v1/tokens", json={"name": "n", "scopes": ["write"]}, headers=mine)).json()
    made["API token"] = token["token"]
    _accepted(client.get("/api/v1/entries", headers=bearer(token["token"])))
    _accepted(sign_in_on_page(client, PLANTED["email"], PLANTED["password"]))
    made["session cookie"] = session_cookie_of(client)
    assert client.get("/settings", headers=BROWSER).status_code == 200

    target = f"https://{PLANTED['userinfo of a target']}@{PLANTED['target']}/?{PLANTED['query of a target']}"
    keyed = {"Idempotency-Key": PLANTED["Idempotency-Key"]}
    _accepted(client.post("/api/v1/links", json={"url": target}, headers=keyed))
    with_alias = {"url": f"https://{PLANTED['target']}/", "alias": PLANTED["alias"]}
    client.post("/api/v1/links", json=with_alias, headers=keyed)
    _accepted(client.post("/api/v1/links", json=with_alias))
    paste = _accepted(client.post("/api/v1/pastes", json={"text": PLANTED["text"]})).json()
    made |= {"manage token": paste["manage_token"], "key of a paste": paste["key"]}
    for _ in range(3):
        _accepted(client.get(f"/{PLANTED['alias']}", headers={"Referer": f"https://{PLANTED['referrer']}/"}))
        _accepted(client.get(f"/{paste['key']}/raw"))
        client.get(f"/{paste['key']}?{PLANTED['query string']}=1&signature={PLANTED['signature']}")
    client.get(f"/{paste['key']}/manage", headers={"X-Manage-Token": paste["manage_token"]})
    return made


def ask_wrongly(client: httpx.Client) -> None:
    """Requests with secrets that are refused by the app."""
    value = PLANTED["value of a field"]
    wrong = {PLANTED["name of a field"]: value, "url": 5, "text": {"a": value}}
    for path in ("/api/v1/links", "/api/v1/pastes", "/api/v1/auth/register", "/api/v1/auth/token"):
        client.post(path, json=wrong)
        client.post(path, content=f'{{"text": "{PLANTED["value of a field"]}", '.encode())
        client.post(path, content=b'{"text": "\\ud800' + PLANTED["value of a field"].encode() + b'", "n": 1e999}')
    for path in ("/verify/", "/reset/", "/c/", "/"):
        for secret in ("verify token", "reset token", "shared key", "path"):
            address = f"{path}{PLANTED[secret]}?token={PLANTED['verify token']}&signature={PLANTED['signature']}"
            client.get(address)
            client.post(address, data={"password": PLANTED["form field"]}, headers=BROWSER)
    signed = {"action": "shorturl", "url": f"https://{PLANTED['target']}/", "signature": PLANTED["signature"]}
    client.get("/yourls-api.php", params=signed)
    client.post("/yourls-api.php", params=signed, data=signed, headers={"X-Api-Key": PLANTED["bearer"]})
    client.get(f"/a/b/{PLANTED['path']}/{PLANTED['verify token']}")
    client.get(f"/static/{PLANTED['path']}")
    for authorization in (
        f"Basic {PLANTED['basic authorization']}",
        f"Bearer {PLANTED['bearer']}",
        f"bearer {PLANTED['malformed authorization']}",
        PLANTED["malformed authorization"],
    ):
        for path in ("/api/v1/users/me", "/api/v1/entries/abc", "/metrics"):
            client.get(path, headers={"Authorization": authorization})
    client.patch(
        f"/api/v1/entries/{PLANTED['alias']}",
        json={"title": PLANTED["value of a field"]},
        headers={"X-Manage-Token": PLANTED["manage token of a header"]},
    )
    client.get(
        "/sign-in", headers={"Cookie": f"slipbin_session={PLANTED['cookie']}; slipbin_manage={PLANTED['cookie']}"}
    )


def ask_nonsense(web: LoggedWebServer) -> None:
    """What is no request, or none that we take."""
    garbage = PLANTED["garbage"].encode()
    secret = b"Authorization: Bearer " + PLANTED["bearer"].encode() + b"\r\nCookie: " + PLANTED["cookie"].encode()
    for request in (
        garbage + b"\r\n\r\n",
        b"GET /" + garbage + b" HTTP/9.9\r\n" + secret + b"\r\n\r\n",
        b"GET /" + garbage + b" HTTP/1.1\r\nHost: x\r\nHost: y\r\n" + secret + b"\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: x\r\n" + secret + b"\r\nX: " + b"a" * 33_000 + b"\r\n\r\n",
        b"GET /" + garbage + b" HTTP/1.1\r\nHost: " + garbage + b"\r\nUpgrade: websocket\r\nConnection: upgrade"
        b"\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 60\r\n"
        b"Connection: close\r\n\r\n--x\r\nContent-Disposition: form-data; name=" + garbage.ljust(60)[:60],
    ):
        with suppress(OSError):
            exchange(web, request)


def meet_bugs(client: httpx.Client, environment: Environment) -> None:
    """Requests that end with 500: the row is refused, the text is gone."""
    title, text = TITLE, PLANTED["text"]
    target = f"https://{PLANTED['userinfo of a target']}@{PLANTED['target']}/?{PLANTED['query of a target']}"
    lost = client.post("/api/v1/pastes", json={"text": f"{text} that is lost"}).json()
    with refused_rows(environment):
        bugs = [
            client.post("/api/v1/pastes", json={"text": text, "title": title}),
            client.post("/api/v1/links", json={"url": target, "title": title}),
            client.post("/pastes", data={"text": text, "title": title}, headers=BROWSER),
            client.patch(f"/api/v1/entries/{lost['key']}", json={"title": f"{title}-2"}, headers=manage_headers(lost)),
        ]
    for file in Path(urlsplit(environment["MAIN_BODY_STORE_URL"]).path).rglob("*-*-*-*-*"):
        file.unlink()
    bugs.append(client.get(f"/{lost['key']}/raw"))
    assert [it.status_code for it in bugs] == [500] * 5


def meet_absent_engines(client: httpx.Client, gates: Gated) -> None:
    account = {"email": f"x{PLANTED['email']}", "username": "xplanted", "password": PLANTED["password"]}
    for gate in (gates.postgres, gates.valkey):
        with gate.refusing():
            client.post("/api/v1/auth/register", json=account)
            client.post("/api/v1/auth/token", json={"email": PLANTED["email"], "password": PLANTED["password"]})
            client.post("/api/v1/pastes", json={"text": PLANTED["text"], "title": TITLE})
            client.get(f"/{PLANTED['alias']}?{PLANTED['query string']}")
            client.get("/health/ready")


def send_arguments(environment: Environment) -> None:
    """Messages to workers with arguments, which no task of ours takes."""
    with Celery(broker=environment["MAIN_BROKER_URL"]) as app, app.connection_for_write() as connection:
        for queue, task in (("main_service", "main_service.send_mail"), ("keygen_service", "keygen_service.top_up")):
            argument = PLANTED["task argument"]
            app.send_task(task, [argument], {"a": argument}, queue=queue, connection=connection, ignore_result=True)
            argument = PLANTED["unknown task argument"]
            app.send_task("planted.none", [argument], {"a": argument}, queue=queue, connection=connection)
            app.send_task("main_service.ingest_visits", queue="main_service", connection=connection)
            app.send_task("main_service.send_mail", queue="main_service", connection=connection)
