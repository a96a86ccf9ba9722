"""`serve --workers N` that can't start ends with a sentence and a code that is not 0."""

import socket
from pathlib import Path

import pytest

from tests.main_service.web_processes import WORKERS, serve
from tests.running import START_SECONDS, Environment


def test_what_no_process_can_start_with_ends_all_with_its_message(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    parent = serve(
        environment | {"MAIN_BODY_STORE_URL": f"file://{tmp_path}/file"}, "--port", "0", "--workers", str(WORKERS)
    )
    _, said = parent.communicate(timeout=START_SECONDS)

    assert parent.returncode == 3
    assert f"{tmp_path}/file" in said
    assert "A web process ended at its start (exit 3)" in said
    assert "another begins" not in said


@pytest.mark.parametrize("setting", ["MAIN_SECRET", "MAIN_DATABASE_URL"])
def test_a_bad_setting_is_told_once(environment: Environment, setting: str) -> None:
    parent = serve(environment | {setting: "short"}, "--port", "0", "--workers", str(WORKERS))
    _, said = parent.communicate(timeout=START_SECONDS)

    assert parent.returncode == 1
    assert said.count(setting) == 1
    assert "Traceback" not in said


@pytest.mark.parametrize("number", ["0", "257"])
def test_a_number_of_processes_that_makes_no_sense_is_refused(environment: Environment, number: str) -> None:
    parent = serve(environment, "--port", "0", "--workers", number)
    _, said = parent.communicate(timeout=START_SECONDS)

    assert parent.returncode == 2
    assert "--workers" in said


def test_a_port_that_is_taken_is_told_in_a_sentence(environment: Environment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        parent = serve(environment, "--port", port, "--workers", str(WORKERS))
        _, said = parent.communicate(timeout=START_SECONDS)

    assert parent.returncode == 1
    assert "main_service can't listen: " in said
    assert "Address already in use" in said
    assert "Traceback" not in said
