"""No secret and nothing private comes into a line of the log, a metric or a span, whatever goes wrong.

A web process, both workers and keygen_service run on real engines, with the access log on and at the level DEBUG. They
are given secrets wherever they take any, in requests that succeed, are refused, are malformed or meet a bug, and while
engines are away. Then each of the secrets is looked for in all that they wrote.
"""

import json
import os
import signal
from collections.abc import Iterator

import pytest
import redis

from tests.main_service.monitoring.planted_secrets import (
    PLANTED,
    ask_for_everything,
    ask_nonsense,
    ask_wrongly,
    meet_absent_engines,
    meet_bugs,
    refused_rows,
    send_arguments,
)
from tests.support import forking
from tests.support.accounts import bearer
from tests.support.database import new_stores
from tests.support.engines import START_SECONDS, Environment, full
from tests.support.gates import Gated, gated_engines
from tests.support.otlp_receiver import Receiver, otlp_receiver
from tests.support.raw_http import LoggedWebServer
from tests.support.smtp_server import SmtpServer
from tests.support.swift_server import SwiftServer
from tests.support.workers import keygen_worker, main_worker


@pytest.fixture(scope="module")
def planting_gates(shared_engines: Environment) -> Iterator[Gated]:
    """Before empty stores, each time: the user and the alias that are planted can be there only once."""
    with gated_engines(new_stores(shared_engines, "planting", valkey=15, broker=3)) as gated:
        yield gated


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with otlp_receiver() as running:
        yield running


@pytest.fixture(scope="module")
def planted_environment(planting_gates: Gated, receiver: Receiver) -> Environment:
    """Settings with secrets in them, which the engines take; the outbox is a folder."""
    with redis.Redis.from_url(planting_gates.environment["MAIN_REDIS_URL"]) as valkey:
        valkey.acl_setuser(
            "planted",
            enabled=True,
            passwords=[f"+{PLANTED['Redis password']}"],
            keys=["*"],
            channels=["*"],
            commands=["+@all"],
        )
    user = f"planted:{PLANTED['Redis password']}@"
    settings = planting_gates.environment | {
        "MAIN_SECRET": PLANTED["MAIN_SECRET"],
        "MAIN_METRICS_TOKEN": PLANTED["metrics token"],
        "MAIN_LOG_FORMAT": "json",
        "KEYGEN_LOG_FORMAT": "json",
        "MAIN_LOG_LEVEL": "DEBUG",
        "KEYGEN_LOG_LEVEL": "DEBUG",
        "MAIN_ACCESS_LOG": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={PLANTED['key of the collector']},authorization=Bearer%20planted%2Fotlp",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "MAIN_TRUSTED_PROXIES": "127.0.0.1",
        "AWS_ACCESS_KEY_ID": PLANTED["S3 key id"],
        "AWS_SECRET_ACCESS_KEY": PLANTED["S3 secret"],
    }
    for name in ("MAIN_REDIS_URL", "KEYGEN_REDIS_URL", "MAIN_BROKER_URL", "KEYGEN_BROKER_URL"):
        settings[name] = settings[name].replace("://", f"://{user}", 1)
    settings["MAIN_DATABASE_URL"] = settings["MAIN_DATABASE_URL"].replace(
        "slipbin@", f"slipbin:{PLANTED['database password']}@"
    )
    assert PLANTED["database password"] in settings["MAIN_DATABASE_URL"]
    return settings


@pytest.fixture(scope="module")
def written(
    planted_environment: Environment,
    planting_gates: Gated,
    swift: SwiftServer,
    receiver: Receiver,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, str], dict[str, str]]:
    """All that was written, by what wrote it; and the secrets that the service has made."""
    folder = tmp_path_factory.mktemp("logs")
    logs = {name: folder / name for name in ("main-worker", "keygen-worker")}
    environment, found = planted_environment, {}
    s3 = environment | {
        "MAIN_BODY_STORE_URL": "s3://texts/bodies",
        "MAIN_BODY_STORE_ENDPOINT": swift.endpoint_url,
        "MAIN_BODY_STORE_REGION": swift.region,
    }
    with SmtpServer(credentials=("planted", "another password")) as smtp, LoggedWebServer(environment) as web:
        client = web.client
        client.headers.update(
            {
                "X-Forwarded-For": PLANTED["client address"],
                "User-Agent": f"bot (+mailto:{PLANTED['email in a user agent']})",
            }
        )
        made = ask_for_everything(client)
        ask_wrongly(client)
        client.headers["X-Forwarded-For"] = PLANTED["IPv6 client address"]
        ask_wrongly(client)
        ask_nonsense(web)
        client.cookies.clear()
        meet_bugs(client, environment)
        meet_absent_engines(client, planting_gates)
        sending = environment | {
            "MAIN_SMTP_URL": f"smtp://planted:{PLANTED['SMTP password']}@127.0.0.1:{smtp.port}?starttls=never"
        }
        with (
            refused_rows(environment),
            main_worker(sending, logs["main-worker"]) as worker,
            keygen_worker(environment, logs["keygen-worker"]) as keygen,
        ):
            worker.wait_for(" ready.")
            keygen.wait_for(" ready.")
            send_arguments(environment)
            for process in (worker, keygen):
                process.wait_for("unregistered task")
            worker.wait_for("send_mail is put off")
            for process in (worker, keygen):
                process.process.send_signal(signal.SIGTERM)
                process.wait_for("Warm shutdown")
        found["metrics"] = client.get("/metrics", headers=bearer(PLANTED["metrics token"])).text
        assert "slipbin_" in found["metrics"]
        found["web"] = web.log()
    with LoggedWebServer(s3) as web:
        web.client.post("/api/v1/pastes", json={"text": PLANTED["text"]})
        found["web with S3"] = web.log()
    migrate = forking.run("-m", "main_service", "migrate", environment=full(s3), timeout=START_SECONDS)
    found["migrate"] = (migrate.stderr + migrate.stdout).decode()
    # From web and worker; names and values stand in it as they are.
    receiver.wait_for("a span of each", lambda spans: len({span.service for span in spans}) >= 2)
    found["spans"] = b"".join(receiver.bodies).decode("utf-8", "replace")
    assert "/{key}" in found["spans"]
    return found | {name: log.read_text() for name, log in logs.items()}, made


@pytest.mark.parametrize("name", PLANTED)
def test_nothing_that_was_planted_is_written(name: str, written: tuple[dict[str, str], dict[str, str]]) -> None:
    for who, text in written[0].items():
        assert PLANTED[name] not in text, (who, [line for line in text.splitlines() if PLANTED[name] in line][:3])


def test_nothing_that_the_service_made_is_written(written: tuple[dict[str, str], dict[str, str]]) -> None:
    texts, made = written
    assert len(set(made.values())) == 6
    for name, secret in made.items():
        for text in texts.values():
            assert secret not in text, name
            # The header and claims of a JWT can be guessed: its signature alone is the secret.
            assert secret.rpartition(".")[2] not in text, name


def test_each_line_is_one_json_object_with_the_same_beginning(written: tuple[dict[str, str], dict[str, str]]) -> None:
    for name in ("web", "web with S3", "main-worker", "keygen-worker"):
        for line in written[0][name].splitlines():
            about = json.loads(line)
            assert list(about)[:7] == ["time", "level", "logger", "message", "service", "role", "pid"], line


def test_what_celery_would_print_is_a_line_of_the_log(written: tuple[dict[str, str], dict[str, str]]) -> None:
    for name in ("main-worker", "keygen-worker"):
        lines = [json.loads(line) for line in written[0][name].splitlines()]
        said = [(line["level"], line["logger"], line["message"]) for line in lines]
        assert ("INFO", "celery.apps.worker", "worker: Warm shutdown (MainProcess)") in said
        # In place of Celery's, which comes before there is a log.
        warned = ("WARNING", f"{lines[0]['service']}.worker", "This process runs as root: give it a user of its own")
        assert (warned in said) == (os.geteuid() == 0)


def test_bugs_are_written_with_the_way_to_them(written: tuple[dict[str, str], dict[str, str]]) -> None:
    lines = [json.loads(line) for line in written[0]["web"].splitlines()]
    bugs = [line for line in lines if line["message"].endswith(" met a bug")]
    assert len(bugs) >= 5
    for line in bugs:
        assert line["request_id"]
        assert "main_service/" in line["exception"]
    assert any("23514" in line["exception"] and '"planted_row"' in line["exception"] for line in bugs)
    assert any("22P02" in line["exception"] for line in bugs)
