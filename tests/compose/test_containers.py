"""What the containers may do, reach and read, asked inside them."""

import re
import subprocess

import pytest

from tests.compose.project import ENGINES, LASTING, ONE_SHOTS, Project, service_of
from tests.support.engines import REPOSITORY

USERS = {"gateway": "101", "postgres": "999", "valkey": "999", "seaweedfs": "1000"}
OURS = "10001"
PYTHON_CONNECTS = "python -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)'"


def test_nothing_has_to_be_edited_and_no_registry_is_asked_for_our_image(project: Project) -> None:
    ended = {service_of(it): it["State"]["ExitCode"] for it in project.containers(*ONE_SHOTS)}

    assert ended == dict.fromkeys(ONE_SHOTS, 0)
    assert not re.search("pull|error|warn", project.said_at_start, re.IGNORECASE), project.said_at_start


@pytest.mark.parametrize("service", LASTING)
def test_none_is_root_writes_to_its_image_or_has_a_capability(project: Project, service: str) -> None:
    status = dict(line.split(":", 1) for line in project.execute(service, "cat", "/proc/1/status").splitlines())

    assert project.execute(service, "id", "-u").strip() == USERS.get(service, OURS)
    assert int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    for folder in ("/", "/etc", "/usr", "/srv"):
        assert project.refuses(service, f"touch {folder}/written"), folder


@pytest.mark.parametrize("service", LASTING)
def test_none_takes_more_of_the_machine_than_its_share(project: Project, service: str) -> None:
    for container in project.containers(service):
        limits = container["HostConfig"]
        assert limits["Memory"] > 0
        assert limits["PidsLimit"] > 0
        assert limits["LogConfig"] == {"Type": "json-file", "Config": {"max-file": "5", "max-size": "10m"}}
        assert all("size=" in options for options in limits.get("Tmpfs", {}).values())


def test_only_the_gateway_is_published_and_only_to_this_machine(project: Project) -> None:
    published = {
        service_of(container): {each["HostIp"] for bindings in ports.values() for each in bindings or ()}
        for container in project.containers()
        if any((ports := container["NetworkSettings"]["Ports"] or {}).values())
    }

    assert published == {"gateway": {"127.0.0.1"}}


def test_only_the_gateway_has_a_way_to_the_world(project: Project) -> None:
    def has_way_out(service: str) -> bool:
        routes = project.execute(service, "cat", "/proc/net/route").splitlines()[1:]
        return "00000000" in [line.split()[1] for line in routes]

    assert [service for service in LASTING if has_way_out(service)] == ["gateway"]


def test_object_store_is_reached_by_those_alone_who_keep_texts_in_it(project: Project) -> None:
    for service in ("main", "main-worker", "main-slow"):
        assert not project.refuses(service, f"{PYTHON_CONNECTS} seaweedfs 8333")
    for service in ("main-beat", "keygen-worker", "keygen-beat"):
        assert not project.refuses(service, f"{PYTHON_CONNECTS} valkey 6379")
        assert project.refuses(service, f"{PYTHON_CONNECTS} seaweedfs 8333")
    address = next(
        network["IPAddress"]
        for container in project.containers("seaweedfs")
        for network in container["NetworkSettings"]["Networks"].values()
    )
    assert project.refuses("keygen-worker", f"{PYTHON_CONNECTS} {address} 8333")
    assert project.refuses("gateway", "curl --max-time 3 --silent http://postgres:5432")


def test_each_engine_reads_its_own_secret_and_no_other(project: Project) -> None:
    readable = "cd /run/slipbin && for file in *; do [ -r $file ] && echo $file; done; true"

    def read_by(service: str) -> list[str]:
        return project.execute(service, "sh", "-c", readable).split()

    ours = ["aws_credentials", "main_secret", "pgpass", "postgres_password", "s3.json"]
    assert {service: read_by(service) for service in ("main", "postgres", "seaweedfs")} == {
        "main": ours,
        "postgres": ["postgres_password"],
        "seaweedfs": ["s3.json"],
    }
    for service in ("gateway", "valkey", "keygen-worker"):
        assert project.refuses(service, "ls /run/slipbin/*")


def test_no_volume_is_without_a_name(project: Project) -> None:
    mounts = [mount for container in project.containers() for mount in container["Mounts"] if mount["Type"] == "volume"]

    assert not [mount["Name"] for mount in mounts if re.fullmatch("[0-9a-f]{64}", mount["Name"])]
    assert {mount["Destination"] for mount in mounts} >= {"/data", "/var/lib/postgresql"}


@pytest.mark.parametrize("profile", [[], ["--profile", "observability"]])
def test_compose_takes_the_file_with_each_profile(profile: list[str]) -> None:
    done = subprocess.run(
        ["docker", "compose", *profile, "config", "--quiet"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_engines_are_in_the_project(project: Project) -> None:
    assert {service_of(container) for container in project.containers()} == {*LASTING, *ONE_SHOTS}
    assert set(ENGINES) <= set(LASTING)
