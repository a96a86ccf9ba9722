"""`serve --workers N` that can't start ends with a sentence and a code that is not 0."""

import socket

import pytest

from tests.support.engines import START_SECONDS, Environment
from tests.support.serve_workers import WORKERS, serve_command


def end_of(environment: Environment, *, workers: str = str(WORKERS), port: str = "0") -> tuple[int, str]:
    """Exit code and standard error of a start that should fail."""
    with serve_command(environment, "--port", port, "--workers", workers) as parent:
        _, said = parent.communicate(timeout=START_SECONDS)
        return parent.returncode, said


def test_what_no_process_can_start_with_ends_all_with_its_message(environment: Environment) -> None:
    # Not even root makes a folder there.
    code, said = end_of(environment | {"MAIN_BODY_STORE_URL": "file:///proc/texts"})

    assert code == 1
    assert "/proc/texts" in said
    assert "A web process ended at its start (exit 1)" in said
    assert "another begins" not in said


@pytest.mark.parametrize("setting", ["MAIN_SECRET", "MAIN_DATABASE_URL"])
def test_a_bad_setting_is_told_once(environment: Environment, setting: str) -> None:
    code, said = end_of(environment | {setting: "short"})

    assert code == 1
    assert said.count(setting) == 1
    assert "Traceback" not in said


@pytest.mark.parametrize("number", ["0", "257"])
def test_a_number_of_processes_that_makes_no_sense_is_refused(environment: Environment, number: str) -> None:
    # If it were not refused, a setting that is wrong keeps hundreds of processes from starting.
    code, said = end_of(environment | {"MAIN_SECRET": "short"}, workers=number)

    assert code == 2
    assert "--workers" in said


def test_a_port_that_is_taken_is_told_in_a_sentence(environment: Environment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = end_of(environment, port=str(taken.getsockname()[1]))

    assert code == 1
    assert "main_service can't listen: " in said
    assert "Address already in use" in said
    assert "Traceback" not in said
