"""Tasks share one client of the object store, opened by the first that needs it; the others run without credentials."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import asyncpg
import pytest
import redis

from tests.support import forking
from tests.support.database import connected, new_database
from tests.support.engines import START_SECONDS, Environment, full
from tests.support.mail import EnqueueEmail
from tests.support.visits import add_batch, insert_link, visit_counts, visit_to

CODE = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
from main_service.worker import app
app.loader.import_default_modules()
for name in sys.argv[1:]:
    app.tasks["main_service." + name]()
"""


def run_tasks(*names: str, environment: Environment) -> str:
    """Run tasks one after the other in one process, as a worker does; return what they log."""
    done = forking.run("-c", CODE, *names, environment=full(environment), timeout=START_SECONDS)
    assert done.returncode == 0, done.stderr.decode()
    return done.stderr.decode()


@pytest.fixture(scope="module")
def task_environment(environment: Environment, s3_environment: Environment) -> Environment:
    """A database and a Redis without the emails, visits and texts of other tests; texts in S3, without credentials."""
    own = {
        "MAIN_DATABASE_URL": new_database(environment, "task_stores")["MAIN_DATABASE_URL"],
        "MAIN_REDIS_URL": environment["MAIN_REDIS_URL"].replace("db=0", "db=10"),
        "MAIN_BODY_STORE_URL": "s3://texts/of-tasks",
    }
    without = {name: value for name, value in s3_environment.items() if not name.startswith("AWS_")}
    nowhere = {"AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_CONFIG_FILE": "/nowhere"}
    return without | own | nowhere | {"AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture
async def own_database(task_environment: Environment) -> AsyncIterator[asyncpg.Connection]:
    async with connected(task_environment) as connection:
        yield connection


async def due_text(database: asyncpg.Connection) -> None:
    """Make one text due for deletion, and no other."""
    await database.execute("DELETE FROM body_to_delete")
    await database.execute("INSERT INTO body_to_delete (body_id, due_at) VALUES ($1, now())", uuid4())


@contextmanager
def credential_server(environment: Environment) -> Iterator[tuple[str, list[str]]]:
    """Gives out the credentials of `environment` as Amazon's servers do to a container; the list is its requests."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            credentials = {
                "AccessKeyId": environment["AWS_ACCESS_KEY_ID"],
                "SecretAccessKey": environment["AWS_SECRET_ACCESS_KEY"],
                "Token": None,
                "Expiration": "2099-01-01T00:00:00Z",
            }
            body = json.dumps(credentials).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/credentials", asked
        server.shutdown()


async def test_without_credentials_visits_emails_and_the_cache_are_taken_care_of(
    task_environment: Environment, own_database: asyncpg.Connection, tmp_path: Path
) -> None:
    key = await insert_link(own_database)
    with redis.Redis.from_url(task_environment["MAIN_REDIS_URL"], decode_responses=True) as valkey:
        add_batch(valkey, [visit_to(key)])
    await EnqueueEmail(task_environment["MAIN_DATABASE_URL"])("ada@example.org")
    await own_database.execute("INSERT INTO stale_key (key) VALUES ($1)", key)
    await due_text(own_database)

    log = run_tasks(
        *("delete_bodies", "ingest_visits", "send_mail", "heal_copies"),
        environment=task_environment | {"MAIN_SMTP_URL": f"file://{tmp_path}"},
    )

    assert await visit_counts(own_database, key) == (1, 0)
    assert len(list(tmp_path.iterdir())) == 1
    assert "Wrote 1 tombstones" in log
    assert "WARNING delete_bodies is put off to its next round: No S3 credentials found. Set AWS_ACCESS_KEY_ID" in log
    assert "Traceback" not in log


async def test_tasks_of_a_process_look_credentials_up_once_and_only_for_the_store(
    task_environment: Environment, s3_environment: Environment, own_database: asyncpg.Connection
) -> None:
    with credential_server(s3_environment) as (url, asked):
        environment = task_environment | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url}

        run_tasks("ingest_visits", "heal_copies", "rank_entries", "end_expired", environment=environment)
        assert asked == []

        await due_text(own_database)
        # Each task has an event loop of its own; the clean-up lists, deletes and sweeps by the same client.
        log = run_tasks("delete_bodies", "clean_up", "forget_reports", "clean_up", environment=environment)
        assert len(asked) == 1
        assert "Deleted 1 texts" in log
        assert log.count("Cleaned up:") == 2


def test_web_process_without_credentials_refuses_to_start(task_environment: Environment) -> None:
    done = forking.run(
        *("-m", "main_service", "serve", "--port", "0"), environment=full(task_environment), timeout=START_SECONDS
    )

    assert done.returncode == 1
    assert "main_service can't start:\nNo S3 credentials found. Set AWS_ACCESS_KEY_ID" in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_web_process_that_can_not_make_its_folder_says_so(environment: Environment) -> None:
    nowhere = full(environment | {"MAIN_BODY_STORE_URL": "file:///proc/nowhere/texts"})

    done = forking.run("-m", "main_service", "serve", "--port", "0", environment=nowhere, timeout=START_SECONDS)

    assert done.returncode == 1
    assert "/proc/nowhere" in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
