"""Lines of the log: their form, and the request that they are about."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import forking
from tests.support.engines import REPOSITORY, START_SECONDS, Environment, full
from tests.support.gates import Gated, gated_engines
from tests.support.pages import BROWSER
from tests.support.raw_http import LoggedWebServer

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
GIVEN = "given-by-the-proxy.1"


@pytest.fixture(scope="module")
def gates(logging_environment: Environment) -> Iterator[Gated]:
    with gated_engines(logging_environment) as gated:
        yield gated


@pytest.fixture(scope="module")
def web(gates: Gated) -> Iterator[LoggedWebServer]:
    """One that trusts those who ask it, and logs JSON."""
    with LoggedWebServer(
        gates.environment | {"MAIN_LOG_FORMAT": "json", "MAIN_TRUSTED_PROXIES": "127.0.0.1"}
    ) as server:
        yield server


def lines_of(server: LoggedWebServer, request_id: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.log().splitlines()]
    return [line for line in lines if line.get("request_id") == request_id]


def test_a_trusted_proxy_names_the_request_and_else_each_gets_an_id(web: LoggedWebServer) -> None:
    def id_for(given: str) -> str:
        answer = web.client.get("/api/v1/entries/none", headers={"X-Request-ID": given.encode()})
        return str(answer.headers["x-request-id"])

    assert id_for(GIVEN) == GIVEN
    made = [id_for(malformed) for malformed in ("", "short", "a" * 65, "with space", "a\\nb-c-d-e", "-begins", "ü" * 9)]
    assert all(re.fullmatch(r"[0-9a-f]{16}", it) for it in made)
    assert len(set(made)) == len(made)


def test_untrusted_client_names_nothing(logging_environment: Environment) -> None:
    with LoggedWebServer(logging_environment) as server:
        answer = server.client.get("/privacy", headers={"X-Request-ID": GIVEN})

    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])


def test_what_went_wrong_is_found_by_the_id_that_its_reader_sees(web: LoggedWebServer, gates: Gated) -> None:
    wrong = {"email": "a@example.org", "password": "wrong"}
    with gates.postgres.refusing():
        problem = web.client.post("/api/v1/auth/token", json=wrong)
        page = web.client.get("/none-such", headers=BROWSER)

    assert (problem.status_code, page.status_code) == (503, 503)
    assert problem.json()["request_id"] == problem.headers["x-request-id"]
    assert f"<code>{page.headers['x-request-id']}</code>" in page.text
    for answer in (problem, page):
        [line] = [
            it for it in lines_of(web, answer.headers["x-request-id"]) if it["logger"] == "main_service.web.problems"
        ]
        assert (line["level"], line["service"], line["role"]) == ("WARNING", "main_service", "web")
        assert TIME.fullmatch(line["time"])


def test_without_the_setting_no_answer_is_logged(web: LoggedWebServer) -> None:
    assert web.client.get("/privacy").status_code == 200

    assert "main_service.access" not in web.log()


def test_text_is_one_line_with_time_level_and_place(logging_environment: Environment) -> None:
    with LoggedWebServer(logging_environment | {"MAIN_REDIS_URL": "redis://127.0.0.1:1/0"}) as server:
        server.client.post("/api/v1/links", json={"url": "https://example.org"})
        [line, *_] = [it for it in server.log().splitlines() if "WARNING" in it]

    time, level, logger, message = line.split(" ", 3)
    assert (TIME.fullmatch(time) is not None, level, logger) == (True, "WARNING", "main_service.engines.redis:")
    assert message


CRASHES = {
    "main thread": "raise ValueError(SECRET)",
    "thread": "import threading; t = threading.Thread(target=lambda: int(SECRET)); t.start(); t.join()",
    "task": "import asyncio\n"
    "async def fail(): raise ValueError(SECRET)\n"
    "async def main():\n"
    "    task = asyncio.create_task(fail()); await asyncio.sleep(0); del task\n"
    "asyncio.run(main())",
    "destructor": "class A:\n    def __del__(self): raise ValueError(SECRET)\nA()",
    "warning": "import warnings; warnings.warn(SECRET)",
    "line that can't be written": "import logging; logging.getLogger('main_service').warning('%d', SECRET)",
}


@pytest.mark.parametrize("where", CRASHES)
def test_what_nothing_caught_is_one_line_without_its_values(where: str, logging_environment: Environment) -> None:
    code = "from main_service.monitoring.logs import start_logs\nSECRET = 'a \"planted\" value'\nstart_logs('x')\n"
    environment = full(logging_environment | {"MAIN_LOG_FORMAT": "json"})
    # Forked, it would have what catches everything around it.
    done = subprocess.run(
        [sys.executable, "-c", code + CRASHES[where]], env=environment, cwd=REPOSITORY, capture_output=True
    )

    [line] = done.stderr.decode().splitlines()
    assert "planted" not in line
    if where != "line that can't be written":
        assert json.loads(line)["level"] in ("CRITICAL", "ERROR", "WARNING")


@pytest.mark.parametrize(
    ("setting", "words"), [("MAIN_LOG_FORMAT", "'text' or 'json'"), ("MAIN_PUBLIC_URL", "must look like")]
)
def test_an_invalid_setting_is_a_sentence_whatever_the_format(
    setting: str, words: str, logging_environment: Environment
) -> None:
    settings = full(logging_environment | {"MAIN_LOG_FORMAT": "json", setting: "nonsense"})
    done = forking.run("-m", "main_service", "migrate", environment=settings, timeout=START_SECONDS)

    assert done.returncode == 1
    first, second = done.stderr.decode().splitlines()
    assert first == "main_service can't start:"
    assert setting in second
    assert words in second


def test_lines_of_our_own_follow_the_level_and_libraries_do_not(logging_environment: Environment) -> None:
    code = (
        "import logging\nfrom main_service.monitoring.logs import start_logs\nstart_logs('x')\n"
        "for name in ('main_service.x', 'botocore.credentials', 'celery.apps.worker'):\n"
        "    for level in (10, 20, 30): logging.getLogger(name).log(level, '%s', level)\n"
    )
    environment = full(logging_environment | {"MAIN_LOG_FORMAT": "json", "MAIN_LOG_LEVEL": "DEBUG"})
    done = forking.run("-c", code, environment=environment, timeout=START_SECONDS)

    said = [(line["logger"], line["message"]) for line in map(json.loads, done.stderr.decode().splitlines())]
    assert said == [
        *(("main_service.x", level) for level in ("10", "20", "30")),
        ("botocore.credentials", "30"),
        *(("celery.apps.worker", level) for level in ("20", "30")),
    ]
