"""Runs `python -m main_service create-superuser`."""

import subprocess

from tests.support import forking
from tests.support.accounts import PASSWORD
from tests.support.engines import START_SECONDS, Environment, full


def create_superuser(
    environment: Environment, *options: str, password: str | bytes = PASSWORD + "\n"
) -> "subprocess.CompletedProcess[str]":
    done = forking.run(
        *("-m", "main_service", "create-superuser", *options),
        environment=full(environment),
        timeout=START_SECONDS,
        given=password.encode() if isinstance(password, str) else password,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def refusal(environment: Environment, *options: str, password: str | bytes = PASSWORD + "\n") -> str:
    """The line that the command prints when it refuses."""
    done = create_superuser(environment, *options, password=password)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr.strip()
