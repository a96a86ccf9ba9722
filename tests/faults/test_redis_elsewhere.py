"""A Redis that answers and does not serve: read-only, starting, full, another part of a cluster, or no Redis at all."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from tests.faults.moved_redis import MovedRedis
from tests.support.engines import Environment, running_engines, temporary_folder
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.visits import streamed_visits, with_own_redis_database
from tests.support.waiting import eventually
from tests.support.web import WebServer

ERRORS = [
    b"-MOVED 13907 127.0.0.1:1",
    b"-CLUSTERDOWN Hash slot not served",
    b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    b"-READONLY You can't write against a read only replica.",
    b"-LOADING Redis is loading the dataset in memory",
]
NO_ANSWERS = [b"+OK", b":1", b"*0", b"$-1", b"HTTP/1.1 400 Bad Request"]


@pytest.fixture(scope="module")
def elsewhere(environment: Environment) -> Iterator[MovedRedis]:
    with (
        temporary_folder() as folder,
        MovedRedis(folder / "valkey.sock", Path(urlsplit(environment["MAIN_REDIS_URL"]).path)) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def moved_environment(environment: Environment, elsewhere: MovedRedis) -> Environment:
    ours = with_own_redis_database(environment)
    path = urlsplit(ours["MAIN_REDIS_URL"]).path
    return ours | {"MAIN_REDIS_URL": ours["MAIN_REDIS_URL"].replace(path, str(elsewhere._front))}


@pytest.fixture(scope="module")
def web(moved_environment: Environment) -> Iterator[WebServer]:
    with WebServer(moved_environment) as server:
        yield server


@pytest.fixture
def valkey(environment: Environment) -> Iterator["redis.Redis[str]"]:
    with redis.Redis.from_url(
        with_own_redis_database(environment)["MAIN_REDIS_URL"], decode_responses=True
    ) as connection:
        yield connection


def redis_state(client: httpx.Client) -> str:
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    state = ready.json()["parts"]["redis"]
    assert ready.json()["status"] == ("ready" if state == "ok" else "degraded")
    return str(state)


def use_everything(client: httpx.Client) -> dict[str, str]:
    """All that asks Redis, answered as if there were none; return a link."""
    link, paste = create_link(client), create_paste(client, text="text")
    for _ in range(2):
        assert client.get(f"/{link['key']}").status_code == 302
        assert client.get(f"/{paste['key']}/raw").text == "text"
    assert client.get("/no-such-key-at-all").status_code == 404
    changed = client.patch(f"/api/v1/entries/{link['key']}", json={"title": "New"}, headers=manage_headers(link))
    assert changed.status_code == 200
    assert client.delete(f"/api/v1/entries/{paste['key']}", headers=manage_headers(paste)).status_code == 204
    assert client.get(f"/{paste['key']}/raw").status_code == 410
    assert client.get("/api/v1/stats/top", params={"period": "day"}).status_code in (200, 404, 422)
    return link


def is_copied(client: httpx.Client, valkey: "redis.Redis[str]", key: str) -> bool:
    assert client.get(f"/{key}").status_code == 302
    return bool(valkey.get(f"entry:{{0}}:{key}"))


@pytest.mark.parametrize("error", ERRORS, ids=[error.split()[0][1:].decode() for error in ERRORS])
def test_server_that_does_not_serve_counts_as_away_and_its_successor_is_found(
    elsewhere: MovedRedis, web: WebServer, valkey: "redis.Redis[str]", error: bytes
) -> None:
    eventually(lambda: redis_state(web.client) == "ok", "a Redis that answers")
    elsewhere.answer_with(error)
    link = use_everything(web.client)
    wrong = {"email": "a@example.org", "password": "Wrong-one-1"}
    assert web.client.post("/api/v1/auth/token", json=wrong).status_code == 401
    assert redis_state(web.client) == "away"
    recorded = len(streamed_visits(valkey, link["key"]))

    elsewhere.serve_new_connections()

    # Only on new connections it is another one.
    eventually(lambda: redis_state(web.client) == "ok", "a Redis that answers")
    eventually(lambda: is_copied(web.client, valkey, link["key"]), "a cached entry")
    # The fast path finds out when it is asked.
    eventually(
        lambda: is_copied(web.client, valkey, link["key"]) and elsewhere.moved_fast_paths == 0,
        "a cached entry, and a fast path that is connected anew",
    )
    eventually(lambda: len(streamed_visits(valkey, link["key"])) > recorded, "another visit")


@pytest.mark.parametrize("answer", NO_ANSWERS, ids=[answer.decode().split()[0] for answer in NO_ANSWERS])
def test_server_that_is_no_redis_is_away_and_makes_no_request_wait_or_fail(
    environment: Environment, answer: bytes
) -> None:
    with nonsense(answer) as port, WebServer(environment | {"MAIN_REDIS_URL": f"redis://127.0.0.1:{port}/0"}) as web:
        use_everything(web.client)
        assert redis_state(web.client) == "away"


@contextmanager
def nonsense(answer: bytes) -> Iterator[int]:
    """A server with the same answer to whatever it is told; its port."""

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                while said := connection.recv(65536):
                    connection.sendall((answer + b"\r\n") * max(1, said.count(b"*")))
            except OSError:
                pass

    def listen(listener: socket.socket) -> None:
        try:
            while True:
                Thread(target=talk, args=[listener.accept()[0]], daemon=True).start()
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=listen, args=[listener], daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def test_real_valkey_that_takes_no_writes_is_not_ok() -> None:
    """This test has engines of its own, which no other test finds broken."""
    with (
        temporary_folder() as folder,
        running_engines(folder) as settings,
        WebServer(settings) as web,
        redis.Redis.from_url(settings["MAIN_REDIS_URL"]) as valkey,
    ):
        eventually(lambda: redis_state(web.client) == "ok", "a Redis that answers")
        for command, undo in (
            (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
            (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
        ):
            valkey.execute_command(*command)
            assert redis_state(web.client) == "away", command
            use_everything(web.client)
            valkey.execute_command(*undo)
            eventually(lambda: redis_state(web.client) == "ok", "a Redis that answers")
