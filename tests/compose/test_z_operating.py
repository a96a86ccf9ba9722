"""The project is broken, updated, stopped and started. Last, as it interrupts what other tests use."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.compose.project import BACKGROUND, ENGINES, LASTING, Project, run, service_of
from tests.compose.traffic import Traffic
from tests.support.engines import REPOSITORY
from tests.support.waiting import eventually

KILLED_BY_DOCKER = 137


@contextmanager
def other_release(folder: Path, monkeypatch: pytest.MonkeyPatch, **services: Any) -> Iterator[None]:
    """Compose is told of a release whose image is another one, and in which `services` differ."""
    file = folder / "other-release.yml"
    label = {"build": {"labels": {"release": folder.name}}}
    file.write_text(yaml.safe_dump({"services": {"migrate": label, **services}}))
    with monkeypatch.context() as patch:
        patch.setenv("COMPOSE_FILE", f"{REPOSITORY}/docker-compose.yml:{file}")
        yield


def update(**variables: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        ["deploy/update.sh"],
        cwd=REPOSITORY,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    print(done.stdout, done.stderr)
    return done


def identities(project: Project, *services: str) -> dict[str, set[str]]:
    """The containers of each service, by what tells a new one from an old one."""
    found: dict[str, set[str]] = {}
    for container in project.containers(*services):
        found.setdefault(service_of(container), set()).add(container["Id"])
    return found


def test_update_fails_no_request_and_leaves_the_engines_alone(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    untouched, replaced = (*ENGINES, "gateway"), ("main", *BACKGROUND)
    before = identities(project, *LASTING)

    with other_release(tmp_path, monkeypatch), Traffic(project.address) as traffic:
        assert update().returncode == 0
    project.wait_until_healthy()

    print(f"{traffic.answers} answers, the slowest after {traffic.longest_seconds:.1f} s")
    assert traffic.failures == []
    after = identities(project, *LASTING)
    assert {it: after[it] for it in untouched} == {it: before[it] for it in untouched}
    assert [it for it in replaced if before[it] & after[it]] == []
    assert len(after["main"]) == len(before["main"]) == 2
    labels = {container["Config"]["Labels"].get("release") for container in project.containers(*replaced)}
    assert labels == {tmp_path.name}


def test_update_that_does_not_get_healthy_changes_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = identities(project, *LASTING)
    broken = {"environment": {"MAIN_REDIS_URL": "no address"}}

    with other_release(tmp_path, monkeypatch, main=broken), Traffic(project.address) as traffic:
        done = update(SLIPBIN_HEALTHY_SECONDS="15")

    assert done.returncode == 1
    assert "a new web container is not healthy after 15 s" in done.stderr
    # A POST that meets the new container while it ends is not always sent again.
    assert [failure for failure in traffic.failures if failure.startswith("GET")] == []
    assert identities(project, *LASTING) == before


def test_update_whose_web_container_can_not_be_started_leaves_none_behind(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = identities(project, *LASTING)

    with other_release(tmp_path, monkeypatch, main={"devices": ["/dev/no-such-device"]}):
        done = update()

    assert done.returncode == 1
    assert "the new web container does not start" in done.stderr
    assert identities(project, *LASTING) == before


def test_metrics_are_shared_after_a_restart_too(project: Project) -> None:
    project.compose("restart", "main")
    project.wait_until_healthy()

    for container in project.containers("main"):
        assert "counter_" in run("docker", "exec", container["Id"], "ls", "/run/metrics").stdout
    assert not [line for line in project.logs("main") if "can't be shared" in line]


@pytest.mark.skipif(os.geteuid() != 0, reason="processes of containers are ended by root alone")
@pytest.mark.parametrize("service", LASTING)
def test_what_is_killed_is_started_again(project: Project, service: str) -> None:
    link = new_link(project)
    before = project.containers(service)[0]

    os.kill(before["State"]["Pid"], 9)

    def is_back() -> bool:
        [now] = [it for it in project.containers(service) if it["Id"] == before["Id"]]
        return bool(now["RestartCount"] > before["RestartCount"] and now["State"]["Running"])

    eventually(is_back, f"{service} again")
    project.wait_until_healthy()
    assert target_of(project, link) == "https://example.org/kept"


def test_data_survive_down_and_up(project: Project) -> None:
    link = new_link(project)
    with project.new_client() as client:
        paste = client.post("/api/v1/pastes", json={"text": "kept"}).json()["key"]
    before = project.execute("main", "sha256sum", "/run/slipbin/main_secret")

    project.compose("down")
    project.compose("up", "--detach")
    project.wait_until_healthy()

    assert target_of(project, link) == "https://example.org/kept"
    with project.new_client() as client:
        assert client.get(f"/{paste}/raw").text == "kept"
    assert project.execute("main", "sha256sum", "/run/slipbin/main_secret") == before


def test_logs_tell_of_no_bug_and_are_json(project: Project) -> None:
    lines = project.logs("main", *BACKGROUND)

    assert not [line for line in lines if "Traceback" in line]
    assert not [line for line in lines if "Found credentials" in line]
    assert [line for line in lines if not is_event(line)] == []


def test_all_end_in_time_without_being_killed(project: Project) -> None:
    project.compose("stop")

    codes = {service_of(container): container["State"]["ExitCode"] for container in project.containers()}
    project.compose("start")
    project.wait_until_healthy()
    assert [service for service, code in codes.items() if code == KILLED_BY_DOCKER] == []


def is_event(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def new_link(project: Project) -> str:
    with project.new_client() as client:
        answer = client.post("/api/v1/links", json={"original_url": "https://example.org/kept"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


def target_of(project: Project, key: str) -> str:
    with httpx.Client(base_url=project.address, trust_env=False) as client:
        return client.get(f"/{key}").headers["location"]
