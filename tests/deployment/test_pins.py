"""What is fetched to build, run and check Slipbin is named exactly: images by version, actions by commit."""

import re

import pytest
import yaml

from tests.support.engines import REPOSITORY

COMPOSE_FILES = ["docker-compose.yml", "deploy/observability/compose.yml"]
OUR_IMAGES = {"slipbin", "slipbin-secrets"}
EXACT_VERSION = re.compile(r"[a-z0-9./_-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?")
PINNED_ACTION = re.compile(r"- uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


@pytest.mark.parametrize("name", COMPOSE_FILES)
def test_images_of_the_compose_files_have_an_exact_version(name: str) -> None:
    services = yaml.safe_load((REPOSITORY / name).read_text())["services"]
    images = {service["image"] for service in services.values() if "image" in service} - OUR_IMAGES

    assert images
    assert {image for image in images if not EXACT_VERSION.fullmatch(image)} == set()


def test_image_is_built_on_an_exact_version() -> None:
    bases = re.findall(r"^FROM (\S+)", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE)

    assert len(bases) >= 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases[0])


def test_actions_are_pinned_to_commits() -> None:
    lines = [
        line.strip()
        for path in (REPOSITORY / ".github" / "workflows").glob("*.yml")
        for line in path.read_text().splitlines()
        if "uses:" in line
    ]

    assert len(lines) >= 3
    assert [line for line in lines if not PINNED_ACTION.fullmatch(line)] == []


def test_workflow_runs_what_continuous_integration_runs_and_keeps_the_bill_of_materials() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())
    steps = workflow["jobs"]["check"]["steps"]

    assert [step["run"] for step in steps if "run" in step] == ["bash .ci/run", "make sbom"]
    assert steps[0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert workflow["permissions"] == {"contents": "read"}
