"""GET /health/live and /health/ready while parts are well; tests/faults asks them while parts are away."""

import os
import shutil
import signal
import time
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil

from main_service.monitoring.heartbeats import HANGS_AFTER_SECONDS
from tests.support.engines import Environment
from tests.support.waiting import eventually
from tests.support.web import WebServer


def ask_until(client: httpx.Client, status: str) -> httpx.Response:
    """The answer with this status: on a busy machine a part may be too late to be told as well."""

    def find() -> httpx.Response | None:
        answer = client.get("/health/ready")
        return answer if answer.json()["status"] == status else None

    return eventually(find, f"a process that is {status}")


def test_process_that_answers_is_live_and_names_its_parts(store_client: httpx.Client) -> None:
    live, ready = store_client.get("/health/live"), ask_until(store_client, "ready")

    assert (live.status_code, live.json()) == (200, {"status": "ok"})
    assert ready.status_code == 200
    told = ready.json()
    # Another test may have sent this server what it warns of: tests/main_service/web/test_proxy_watch.py.
    told.pop("warnings", None)
    assert told == {"status": "ready", "parts": {"database": "ok", "redis": "ok", "text_store": "ok"}}
    assert ready.headers["cache-control"] == "private, no-store"
    assert [store_client.head(f"/health/{name}").status_code for name in ("live", "ready")] == [200, 200]


def test_process_tells_the_operator_what_it_was_started_with(environment: Environment, client: httpx.Client) -> None:
    told = client.get("/health/ready", params={"process": "true"}).json()["process"]
    stranger = client.get("/health/ready", params={"process": "true"}, headers={"X-Forwarded-For": "203.0.113.9"})

    assert 0 < told["uptime_seconds"] < 36_000
    assert {"MAIN_SECRET", "MAIN_REDIS_URL", "MAIN_DATABASE_URL"} <= set(told["settings"])
    assert all(len(digest) == 12 for digest in told["settings"].values())
    assert "process" not in stranger.json()


def test_process_is_told_behind_a_proxy_to_this_machine_alone(environment: Environment) -> None:
    """A container engine may give strangers an inner address."""
    token = "a-token-of-the-tests"
    more = {"MAIN_TRUSTED_PROXIES": "127.0.0.1", "MAIN_METRICS_TOKEN": token}
    with WebServer(environment | more) as web:

        def tells(**headers: str) -> bool:
            return "process" in web.client.get("/health/ready", params={"process": "true"}, headers=headers).json()

        assert tells(**{"X-Forwarded-For": "127.0.0.1"})
        assert not tells(**{"X-Forwarded-For": "172.18.0.1"})
        assert not tells(**{"X-Forwarded-For": "203.0.113.9"})
        assert tells(**{"X-Forwarded-For": "203.0.113.9", "Authorization": f"Bearer {token}"})
        assert tells()


def test_web_process_that_hangs_is_named_by_the_other(environment: Environment, tmp_path: Path) -> None:
    with WebServer(environment | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}, processes=2) as web:
        hanging = web.processes[1].pid
        noted = tmp_path / f"{hanging}.role"

        def told() -> list[int]:
            # On a new connection: the process that hangs takes none.
            with web.new_client() as client:
                found: list[int] = client.get("/health/ready?process=true").json()["process"]["hanging"]
                return found

        eventually(lambda: noted.stat().st_mtime <= time.monotonic(), "a process that has noted that it runs")
        eventually(lambda: told() == [], "none that hangs")
        os.kill(hanging, signal.SIGSTOP)
        eventually(lambda: psutil.Process(hanging).status() == psutil.STATUS_STOPPED, "a process that is stopped")
        # As it will be if it stays so.
        since = time.monotonic() - HANGS_AFTER_SECONDS - 1
        os.utime(noted, (since, since))
        eventually(lambda: told() == [hanging], "its id")
        os.kill(hanging, signal.SIGCONT)
        eventually(lambda: told() == [], "no process that hangs")


def test_missing_folder_of_texts_degrades_the_service(environment: Environment, folder: Path) -> None:
    """A disk that is not mounted."""
    texts = folder / "texts-on-another-disk"
    with WebServer(environment | {"MAIN_BODY_STORE_URL": f"file://{quote(str(texts))}"}) as web:
        ask_until(web.client, "ready")
        shutil.rmtree(texts)

        ready = ask_until(web.client, "degraded")

        assert ready.status_code == 200
        assert ready.json()["parts"]["text_store"] == "away"
        assert web.client.get("/health/live").status_code == 200
