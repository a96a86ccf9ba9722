"""`python -m main_service doctor` where all of Slipbin runs: what its processes say of themselves."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from tests.main_service.doctor.examined import PASSWORD, RANDOM, Examined, examine
from tests.support.engines import Environment
from tests.support.waiting import eventually
from tests.support.web import WebServer
from tests.support.workers import SLOW_QUEUE, keygen_beat, keygen_worker, main_beat, main_worker


@pytest.fixture(scope="module")
def well(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """All of Slipbin, working; its workers are gone when the module ends."""
    logs = tmp_path_factory.mktemp("logs")
    own = environment | {"MAIN_SECRET": RANDOM, "MAIN_BROKER_URL": environment["MAIN_BROKER_URL"].replace("=1", "=6")}
    own["KEYGEN_BROKER_URL"] = own["MAIN_BROKER_URL"]
    own["MAIN_REDIS_URL"] = own["KEYGEN_REDIS_URL"] = own["MAIN_REDIS_URL"].replace("=0", "=4")
    with redis.Redis.from_url(own["MAIN_REDIS_URL"]) as valkey:
        valkey.flushdb()
    with ExitStack() as running:
        web = running.enter_context(WebServer(own, shows_own_address=True))
        own["MAIN_PUBLIC_URL"] = web.address
        running.enter_context(main_worker(own, logs / "main")).wait_for("ready")
        running.enter_context(main_worker(own, logs / "slow", kind=SLOW_QUEUE)).wait_for("ready")
        running.enter_context(keygen_worker(own, logs / "keygen")).wait_for("ready")
        running.enter_context(main_beat(own, logs))
        running.enter_context(keygen_beat(own, logs))
        yield own | {"SLIPBIN_WEB_URL": web.address}


def examine_until(is_so: Callable[[Examined], bool], environment: Environment) -> Examined:
    """Examine until it is so: tasks run for the first time some seconds after the start, and on a busy machine, what is
    asked may answer too late to be told."""

    def find() -> Examined | None:
        reports.append(examine(environment))
        return reports[-1] if is_so(reports[-1]) else None

    reports: list[Examined] = []
    try:
        return eventually(find, "a report in which it is so")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{reports[-1].said}") from None


def test_healthy_installation_has_no_problem(well: Environment) -> None:
    # Each task that is due often has run within some seconds of the start.
    found = examine_until(lambda it: not {"problem", "unknown"} & {each["level"] for each in it.findings}, well)

    assert found.status == 0
    subjects = {it["subject"] for it in found.findings if it["level"] == "ok"}
    assert "with the present settings" in found.of("web", "ok")
    assert "other settings" not in found.said
    # On a slow disk it says so.
    assert re.search("A change is on its disk within|to have a change on its disk", found.said)
    assert {"settings", "database", "schema", "Redis", "workers", "text store", "public URL", "proxies"} <= subjects
    assert "no proof" in found.of("public URL", "ok")


def test_untrusted_proxy_that_a_web_process_has_seen(well: Environment) -> None:
    with WebServer(well) as web:
        web.client.get("/health/live", headers={"X-Forwarded-For": "203.0.113.9"})
        web.client.get("/health/ready", headers={"X-Forwarded-For": "203.0.113.9"})
        noticed = "A web process has noticed"
        there = {"SLIPBIN_WEB_URL": web.address}
        found = examine_until(lambda it: noticed in it.problem("proxies"), well | there)
        launched = examine_until(lambda it: noticed in it.problem("proxies"), well | there | {"SLIPBIN_LAUNCHER": "1"})

    assert "Set MAIN_TRUSTED_PROXIES" in found.problem("proxies")
    # `make restart` would start them with the settings of before.
    assert "names its network), then end `make run` and start it again." in launched.problem("proxies")


def test_beat_that_is_silent(well: Environment) -> None:
    """A Redis on which no task was ever noted."""
    # A web process that has just started would excuse it.
    silent = {"MAIN_REDIS_URL": well["MAIN_REDIS_URL"].replace("=4", "=3"), "SLIPBIN_WEB_URL": "http://127.0.0.1:9"}
    unknown = "No run of the task heal_copies is known, and it should run every 5 s"
    found = examine_until(lambda it: unknown in it.problem("tasks"), well | silent | {"SLIPBIN_LAUNCHER": "1"})

    told = found.problem("tasks")
    assert "is main-beat running, or does it hang? Restart it: `python -m launcher restart main-beat`" in told


def test_processes_that_were_started_with_other_settings(well: Environment) -> None:
    """The settings in .env were changed, and nothing was restarted."""

    def found_with(**more: str) -> Examined:
        # Each of the two workers must have run a task.
        both = "main-worker and main-slow were started"
        return examine_until(lambda it: "A web process was started" in it.said and both in it.said, well | more)

    harmless = found_with(MAIN_LEADERBOARD="off", SLIPBIN_LAUNCHER="1")
    other_key = found_with(AWS_SECRET_ACCESS_KEY=PASSWORD, MAIN_BODY_STORE_REGION="eu")
    other_secret = found_with(MAIN_SECRET=RANDOM[::-1], MAIN_LEADERBOARD="off")

    told = "started with other settings than this command has: MAIN_LEADERBOARD. -> If .env was changed: end `make run`"
    assert f"A web process was {told}" in harmless.of("web", "warning")
    assert f"main-worker and main-slow were {told}" in harmless.of("tasks", "warning")
    for subject in ("web", "tasks"):
        assert "this command has: AWS_SECRET_ACCESS_KEY, MAIN_BODY_STORE_REGION." in other_key.problem(subject), (
            other_key.said
        )
        assert "this command has: MAIN_SECRET." in other_secret.problem(subject)
    assert PASSWORD not in other_key.said


def test_web_process_that_cant_use_what_this_command_can(well: Environment, tmp_path: Path) -> None:
    with WebServer(well | {"MAIN_BODY_STORE_URL": f"file://{tmp_path}/texts"}) as web:
        (tmp_path / "texts").rmdir()
        away = "A web process can't use the text store."
        found = examine_until(lambda it: away in it.problem("web"), well | {"SLIPBIN_WEB_URL": web.address})

    assert "could be written" in found.of("text store", "ok")
    assert "this command has: MAIN_BODY_STORE_URL." in found.problem("web")
    # It says what to do elsewhere.
    assert "doctor" not in found.of("tasks", "warning")
