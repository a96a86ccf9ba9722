"""`python -m main_service status`: one screen that tells what runs, what waits, and what is wrong."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import asyncpg
import pytest
import redis

from main_service.background import import_tasks, scheduled_tasks
from main_service.task_runs import LAST_RUNS
from main_service.web.proxy_watch import PERHAPS_A_PROXY, UNNAMED_PROXY
from tests.faults.own_mounts import own_mounts
from tests.main_service.doctor.small_servers import web_page
from tests.main_service.status.served import Screen, look, look_as_json_until, look_until, own_redis
from tests.support import forking
from tests.support.engines import START_SECONDS, Environment, full
from tests.support.gates import Gated
from tests.support.metrics import METRICS_TOKEN
from tests.support.waiting import WAIT_SECONDS, eventually
from tests.support.web import WebServer
from tests.support.workers import SLOW_QUEUE, keygen_beat, keygen_worker, main_beat, main_worker

STREAM = "visits:{0}"


@pytest.fixture(scope="module")
def served(environment: Environment) -> Iterator[Environment]:
    """Nothing but a web process and engines, without any worker or beat."""
    own = own_redis(environment, 11) | {"MAIN_METRICS_TOKEN": METRICS_TOKEN}
    with redis.Redis.from_url(own["MAIN_REDIS_URL"]) as valkey:
        valkey.flushdb()
    with WebServer(own, shows_own_address=True) as web:
        yield own | {"SLIPBIN_WEB_URL": web.address, "MAIN_PUBLIC_URL": web.address}


@pytest.fixture
def own_valkey(served: Environment) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(served["MAIN_REDIS_URL"], decode_responses=True) as client:
        client.delete(LAST_RUNS, STREAM)
        yield client


def note(client: redis.Redis, name: str, *, ago: float, outcome: str = "done", **about: object) -> None:
    """A run of a task that ended so many seconds ago."""
    at = time.time() - ago
    ended = json.dumps({"at": at, "seconds": 0.5, "outcome": outcome, **about})
    client.hset(LAST_RUNS, mapping={f"{name}:began": str(at - 0.5), f"{name}:ended": ended})


def test_installation_that_is_well_and_one_whose_beat_stopped(environment: Environment, tmp_path: Path) -> None:
    own = own_redis(environment, 13)
    with (
        redis.Redis.from_url(own["MAIN_REDIS_URL"], decode_responses=True) as client,
        redis.Redis.from_url(own["MAIN_REDIS_URL"].replace("db=13", "db=14")) as broker,
        ExitStack() as running,
    ):
        client.flushdb()
        broker.flushdb()
        web = running.enter_context(WebServer(own, shows_own_address=True))
        own |= {"SLIPBIN_WEB_URL": web.address}
        running.enter_context(main_worker(own, tmp_path / "main"))
        running.enter_context(main_worker(own, tmp_path / "slow", kind=SLOW_QUEUE))
        running.enter_context(keygen_worker(own, tmp_path / "keygen"))
        with main_beat(own, tmp_path), keygen_beat(own, tmp_path):
            screens: list[Screen] = []

            def is_well() -> bool:
                screens.append(look(own))
                words = ("link 500 of 500, paste 500 of 500", "database ok", "redis ok")
                is_whole = all(each in screens[-1].text for each in words)
                return is_whole and screens[-1].status == 0 and "filter of unknown keys" not in screens[-1].text

            try:
                eventually(is_well, "a status that is well")
            except AssertionError:
                raise AssertionError(screens[-1].text) from None
        eventually(lambda: broker.llen("main_service") == 0 == broker.llen("main_service.slow"), "empty queues")

        def is_silent() -> bool:
            # Each time: a run that had begun before the beat stopped may note its end only now.
            age_runs(client)
            screens.append(look(own))
            return "The task heal_copies has not run for 5" in screens[-1].text

        try:
            eventually(is_silent, "a status that tells of a silent beat")
        except AssertionError:
            raise AssertionError(screens[-1].text) from None
        silent = screens[-1]

    assert silent.status == 1, silent.text
    assert "should every 5 s" in silent.text
    assert "is main-beat running, or does it hang?" in silent.words
    assert "OVERDUE" in silent.text


def age_runs(client: redis.Redis) -> None:
    """Backdate the last run of each task by five minutes."""
    since = time.time() - 300
    for name, value in client.hgetall(LAST_RUNS).items():
        if name.endswith(":began"):
            client.hset(LAST_RUNS, name, str(min(float(value), since - 1)))
        elif name.endswith(":ended"):
            about = json.loads(value)
            client.hset(LAST_RUNS, name, json.dumps(about | {"at": min(about["at"], since)}))


def test_queue_in_which_messages_wait_points_to_its_worker(served: Environment, own_valkey: redis.Redis) -> None:
    for name in ("heal_copies", "ingest_visits", "send_mail"):
        note(own_valkey, f"main_service.{name}", ago=200)
    with redis.Redis.from_url(served["MAIN_REDIS_URL"].replace("db=11", "db=12")) as broker:
        broker.lpush("main_service", *(b"{}" for _ in range(150)))
        text = look_until("150 messages wait in its queue: is main-worker running", served).words
        broker.delete("main_service")

    assert "150 messages wait in its queue: is main-worker running" in text
    assert "150 messages wait in the queue main_service." in text
    assert "main_service 150" in text


def test_task_that_is_held_up_while_others_run_does_not_point_to_the_beat(
    served: Environment, own_valkey: redis.Redis
) -> None:
    import_tasks()
    for name in scheduled_tasks:
        # Ahead: on a busy machine it may take minutes until one look has found everything.
        note(own_valkey, name, ago=-WAIT_SECONDS)
    note(own_valkey, "main_service.ingest_visits", ago=110)
    own_valkey.hset(LAST_RUNS, "main_service.ingest_visits:began", str(time.time() - 100))

    told = look_until("The task ingest_visits began", served)

    assert re.search(r"began (1\d\d s|[2-5](\.\d)? min) ago and has not ended, while others run", told.words)
    assert "waits for something such as a lock in PostgreSQL" in told.words
    assert "is main-beat running" not in told.words


def test_visits_that_pile_up_and_task_that_fails(served: Environment, own_valkey: redis.Redis) -> None:
    # Ahead: on a busy machine it may take minutes until one look has found everything.
    ahead = -WAIT_SECONDS
    note(own_valkey, "main_service.ingest_visits", ago=ahead, outcome="failed", error="ZeroDivisionError")
    note(own_valkey, "main_service.send_mail", ago=ahead, outcome="put_off", error="DatabaseUnavailableError")
    added = int((time.time() - 600) * 1000)
    own_valkey.xadd(STREAM, {"v": "[]"}, id=f"{added}-0")

    told = look_as_json_until(lambda it: "Visits have waited" in str(it) and it["tasks"], served)

    sentences = "\n".join(each["sentence"] + " " + each["advice"] for each in told["findings"])
    assert re.search(r"Visits have waited in Redis for 1\d min \(1 records\)\.", sentences)
    assert "The task ingest_visits failed with ZeroDivisionError" in sentences
    assert "The log of main-worker has the traceback." in sentences
    assert "send_mail put off, as a part was away (DatabaseUnavailableError)" in sentences
    [task] = [each for each in told["tasks"] if each["name"] == "ingest_visits"]
    assert (task["outcome"], task["every_seconds"], task["is_overdue"]) == ("failed", 10, False)


@pytest.mark.usefixtures("own_valkey")
async def test_web_processes_that_hang_and_emails_that_do_not_leave(
    served: Environment, database: asyncpg.Connection
) -> None:
    await database.execute(
        "INSERT INTO mail (cause, recipient, letter, values, created_at, due_at)"
        " VALUES ('waits', 'ada@example.org', 'verify', '{}', now() - interval '2 hours', now() + interval '1 day')"
    )
    await database.execute(
        "INSERT INTO mail (cause, recipient, letter, values, failed_at)"
        " VALUES ('refused', 'ada@example.org', 'verify', '{}', now() - interval '50 minutes')"
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hangs = {
            "SLIPBIN_WEB_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "MAIN_SMTP_URL": "smtp://127.0.0.1:9",
            "SLIPBIN_LAUNCHER": "1",
        }
        told = (await asyncio.to_thread(look_until, "the oldest for 2.0 h.", served | hangs)).words
    await database.execute("DELETE FROM mail WHERE cause IN ('waits', 'refused')")

    # Emails of other tests may wait, too.
    waiting = r"\b(1 email waits|\d+ emails wait), the oldest for 2\.0 h\. -> "
    assert re.search(waiting + r"`python -m launcher main doctor` asks the mail server", told)
    assert re.search(r"\b(1 email was|\d+ emails were) given up within an hour\. -> The log of main-worker says", told)
    assert "where connections are taken: they hang. -> Restart it: `python -m launcher restart web-1`" in told


@pytest.mark.usefixtures("own_valkey")
def test_json_has_the_metrics_by_name(served: Environment) -> None:
    told = look_as_json_until(lambda it: it["metrics"] and it["web_seconds"] and it["visits"], served)

    metrics = {(each["name"], *each["labels"].values()): each["value"] for each in told["metrics"]}
    assert metrics["slipbin_part_up", "database"] == 1
    assert metrics["slipbin_visit_stream_length",] == 0
    assert told["web_seconds"] > 0
    assert set(told["queues"]) == {"main_service", "main_service.slow", "keygen_service"}
    assert told["visits"]["slipbin_visits_waiting"] == 0


def test_metrics_of_many_routes_are_read_to_their_end(served: Environment) -> None:
    told = b"# HELP\n" * 40_000 + b"slipbin_visits_waiting 7.0\n"
    with web_page(body=told) as address:
        visits = look_as_json_until(lambda it: it["visits"], served | {"SLIPBIN_WEB_URL": address})["visits"]

    assert visits == {"slipbin_visits_waiting": 7}


def test_what_web_processes_noticed_about_proxies_is_told(served: Environment) -> None:
    told = json.dumps({"warnings": [UNNAMED_PROXY, PERHAPS_A_PROXY]}).encode()
    with web_page(body=told) as address:
        found = look_as_json_until(lambda it: UNNAMED_PROXY in str(it), served | {"SLIPBIN_WEB_URL": address})
    findings = found["findings"]

    said = {each["sentence"].removeprefix("A web process has noticed: "): each["level"] for each in findings}
    assert {warning: said[warning] for warning in (UNNAMED_PROXY, PERHAPS_A_PROXY)} == {
        UNNAMED_PROXY: "problem",
        PERHAPS_A_PROXY: "warning",
    }


def test_parts_that_are_away_or_hang_are_told_and_the_rest_is_shown(served: Environment, gated: Gated) -> None:
    ways = {name: value.replace("db=0", "db=11") for name, value in gated.ways.items()}
    nobody = {"SLIPBIN_WEB_URL": "http://127.0.0.1:9"}
    with gated.valkey.refusing():
        away = look_until("database ok", served | ways | nobody)
    with gated.postgres.hanging():
        hanging = look_until("redis ok", served | ways)

    assert away.status == 1
    assert "redis AWAY" in away.text
    assert "database ok" in away.text
    assert "Redis does not answer, or refuses." in away.text
    assert "Tasks: Redis, which knows their last runs, can't be asked." in away.text
    assert "link ? of ?" in away.text
    assert "No web process answers at http://127.0.0.1:9." in away.text
    assert hanging.status == 1
    assert "database AWAY" in hanging.text
    assert "redis ok" in hanging.text
    assert "? wait, ? given up" in hanging.text


def web_that_says(**more: object) -> AbstractContextManager[str]:
    """A web process that says so of itself at /health/ready."""
    return web_page(body=json.dumps({"status": "ready", "parts": {"database": "ok"}, **more}).encode())


@pytest.mark.parametrize(("uptime_seconds", "is_told"), [(59, False), (61, True)])
def test_task_of_which_no_run_is_known_is_no_fault_in_the_first_minute(
    served: Environment, own_valkey: redis.Redis, uptime_seconds: int, is_told: bool
) -> None:
    with web_that_says(process={"uptime_seconds": uptime_seconds, "settings": {}}) as address:

        def is_right() -> bool:
            screen = look(served | {"SLIPBIN_WEB_URL": address})
            advice = "If Redis has just been emptied, wait a minute. If not: "
            is_advised = f"{advice}Nothing waits in its queue: is main-beat running" in screen.words
            return ("No run of the task heal_copies is known" in screen.words) == is_told == is_advised

        # On a busy machine the web page may be too late to be heeded.
        eventually(is_right, "a status that tells it if it is a fault")


def test_what_web_processes_say_of_themselves_is_shown(served: Environment) -> None:
    of_another = {"uptime_seconds": 61, "settings": {}, "hanging": [4711]}
    parts = {"text_store": "away"}
    with web_that_says(warnings=["MAIN_TRUSTED_PROXIES does not name."], parts=parts, process=of_another) as address:
        noticed = "A web process has noticed: MAIN_TRUSTED_PROXIES does not name."
        # This command can use it.
        screen = look_until(noticed, served | {"SLIPBIN_WEB_URL": address}, "text_store ok")

    assert screen.status == 1
    assert "A web process can't use the text store." in screen.words
    assert "The web process with the id 4711 hangs, while others answer" in screen.words


def test_web_process_with_other_settings_is_told(served: Environment) -> None:
    launched = served | {"SLIPBIN_LAUNCHER": "1"}
    same = look(launched)
    told = "A web process was started with other settings than this command has: AWS_SECRET_ACCESS_KEY. -> If .env"
    assert "other settings" not in same.words
    other = look_until(told, launched | {"AWS_SECRET_ACCESS_KEY": "planted"})
    assert "planted" not in other.text


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ({"SLIPBIN_LAUNCHER": "1", "SLIPBIN_MAKE": "1"}, "Restart it: `make restart args=main-beat`; what was missed"),
        ({"SLIPBIN_LAUNCHER": "1"}, "Restart it: `python -m launcher restart main-beat`; what was missed"),
    ],
)
def test_cure_is_told_as_it_is_typed_there(
    served: Environment, own_valkey: redis.Redis, where: dict[str, str], told: str
) -> None:
    note(own_valkey, "main_service.heal_copies", ago=300)

    assert look_until(told, served | where)


def test_disk_without_inodes_is_told(served: Environment, tmp_path: Path) -> None:
    mount = ["sh", "-c", 'mount -t tmpfs -o nr_inodes=500 tmpfs "$0" && exec "$@"', str(tmp_path)]
    status = [sys.executable, "-m", "main_service", "status"]
    there = full(served | {"MAIN_BODY_STORE_URL": f"file://{tmp_path}", "MAIN_BODY_STORE_MIN_FREE_BYTES": "1"})
    done = subprocess.run(
        [*own_mounts(), *mount, *status], env=there, capture_output=True, check=False, timeout=START_SECONDS
    )

    words = " ".join(done.stdout.decode().split())
    assert done.returncode == 1
    assert "The disk of texts can hold only 49" in words, words
    assert "`df -i`" in words


def test_disk_that_texts_are_refused_for_is_told(served: Environment) -> None:
    # Disks of the machine of the tests have less.
    told = "less than MAIN_BODY_STORE_MIN_FREE_BYTES: new texts are refused with 507."
    assert look_until(told, served | {"MAIN_BODY_STORE_MIN_FREE_BYTES": str(10**18)})


def test_settings_that_are_invalid_are_told(served: Environment) -> None:
    wrong = look(served | {"MAIN_SECRET": "short"})

    assert (wrong.status, "MAIN_SECRET" in wrong.text) == (1, True)


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_bug_in_a_command_is_not_silent(served: Environment, command: str) -> None:
    # In place of a bug: a name of a module that it calls in the end is gone.
    module = f"main_service.{command}.command"
    program = f"import sys, {module}, main_service.__main__ as main; {module}.Redaction = None; "
    program += f"sys.argv = ['main_service', '{command}']; main.main()"
    done = forking.run("-c", program, environment=full(served), timeout=START_SECONDS)

    assert done.returncode == 1
    assert b"The command failed" in done.stdout + done.stderr
    assert b"TypeError" in done.stdout + done.stderr
