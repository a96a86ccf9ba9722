"""The engines of the tests: PostgreSQL and Valkey as the launcher starts them, and the commands of main_service."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.support import forking
from tests.support.waiting import eventually

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 180.0
"""Only a test that fails waits for so long, or one on a machine that has much else to do."""
SECRET = "a-secret-of-the-tests-0123456789-abcdefgh"

Environment = dict[str, str]
LIMITS = ("CREATES", "BYTES", "REGISTRATIONS", "EMAILS", "EMAILS_PER_RECIPIENT", "STATISTICS", "EXPORTS")
NO_LIMITS = {f"MAIN_LIMIT_{name}": "" for name in LIMITS}


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder with a short name, because the engines' sockets lie in it, that an unprivileged user can reach."""
    with tempfile.TemporaryDirectory(prefix="slipbin-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def running_engines(folder: Path) -> Iterator[Environment]:
    """PostgreSQL and Valkey below `folder`, migrated; yields the environment that main_service and keygen need.

    The launcher stops when its standard input closes, so nothing outlives a test run that is killed.
    """
    launcher = subprocess.Popen(
        [sys.executable, "-m", "launcher", "engines", "--data", str(folder / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert launcher.stdin is not None
    assert launcher.stdout is not None
    try:
        environment: Environment = {
            "MAIN_SECRET": SECRET,
            "MAIN_PUBLIC_URL": "http://slipbin.test",
            # All tests ask from one address.
            "MAIN_UNKNOWN_KEYS_PER_MINUTE": "1000000",
            # Each web process would load a model, and store what it finds while other tests look at the rows.
            "MAIN_DETECT_LANGUAGES": "false",
            **NO_LIMITS,
            # A developer's disk may be nearly full.
            "MAIN_BODY_STORE_MIN_FREE_BYTES": "0",
        }
        for line in launcher.stdout:
            if line.strip() == "ready":
                break
            name, _, value = line.strip().partition("=")
            environment[name] = value
        assert launcher.poll() is None, "the engines did not start"
        run_main("migrate", environment=environment)
        yield environment
    finally:
        launcher.stdin.close()
        launcher.stdout.close()
        launcher.wait(START_SECONDS)


def run_main(*arguments: str, environment: Mapping[str, str]) -> str:
    """Run a command of main_service to its end; return what it printed."""
    command = ("-m", "main_service", *arguments)
    done = forking.run(*command, environment=full(environment), timeout=START_SECONDS)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr.decode()}"
    return done.stdout.decode()


def full(environment: Mapping[str, str]) -> Environment:
    """`environment` over what a process needs to run at all, without the developer's own settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAIN_", "KEYGEN_", "AWS_"))}
    return {**inherited, "SLIPBIN_ENV_FILE": "", **environment}


def wait_for_valkey(valkey: "redis.Redis[str]", *, seconds: float = START_SECONDS) -> None:
    """Wait until Valkey answers."""

    def is_answering() -> bool:
        try:
            return bool(valkey.ping())
        except redis.RedisError:
            return False

    eventually(is_answering, "an answer of Valkey", seconds=seconds)
