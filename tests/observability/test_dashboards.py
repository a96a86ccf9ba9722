"""The JSON that Grafana reads is what the tables of panels say, and holds together."""

import json
from itertools import combinations
from typing import Any

import pytest
import yaml

from deploy.observability.dashboards.all import DASHBOARDS, FOLDER, files
from deploy.observability.dashboards.panels import COLUMNS
from tests.deployment.compose_file import OBSERVABILITY_FILE, compose_file
from tests.support.engines import REPOSITORY

PAGES = {name: json.loads(text) for name, text in files().items()}
GRAFANA = REPOSITORY / "deploy/observability/grafana"


def test_files_are_what_the_tables_say() -> None:
    written = {path.name: path.read_text() for path in FOLDER.iterdir()}

    assert written == files(), "make dashboards"


def test_each_has_an_address_and_a_title_of_its_own() -> None:
    for field in ("uid", "title"):
        assert len({page[field] for page in PAGES.values()}) == len(DASHBOARDS)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_panels_lie_beside_each_other_on_the_page(name: str) -> None:
    places = [panel["gridPos"] for panel in PAGES[name]["panels"]]

    assert all(at["x"] >= 0 and at["x"] + at["w"] <= COLUMNS for at in places)
    for one, other in combinations(places, 2):
        is_apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert is_apart, (one, other)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_panels_have_numbers_and_queries_have_letters(name: str) -> None:
    numbers = [panel["id"] for panel in PAGES[name]["panels"]]

    assert len(set(numbers)) == len(numbers)
    for panel in PAGES[name]["panels"]:
        letters = [target["refId"] for target in panel.get("targets", [])]
        assert letters == [chr(ord("A") + place) for place in range(len(letters))]
        assert bool(letters) == (panel["type"] != "row")


def sources(node: Any) -> set[tuple[str, str]]:
    """Type and uid of each data source that is asked, wherever it stands."""
    if isinstance(node, dict):
        own = {(node["datasource"]["type"], node["datasource"]["uid"])} if "datasource" in node else set()
        return own.union(*map(sources, node.values()))
    return set().union(*map(sources, node)) if isinstance(node, list) else set()


def test_every_source_that_is_asked_is_provisioned() -> None:
    provisioned = yaml.safe_load((GRAFANA / "datasources.yml").read_text())["datasources"]
    services = compose_file(file=OBSERVABILITY_FILE)["services"]

    assert sources(list(PAGES.values())) <= {(each["type"], each["uid"]) for each in provisioned}
    assert {each["type"] for each in provisioned} == {"prometheus", "alertmanager", "jaeger"}
    for each in provisioned:
        host = each["url"].removeprefix("http://").partition(":")[0]
        assert set(services[host]["networks"]) & set(services["grafana"]["networks"])


def test_grafana_finds_the_files_and_starts_with_one_of_them() -> None:
    [provider] = yaml.safe_load((GRAFANA / "dashboards.yml").read_text())["providers"]
    grafana = compose_file(file=OBSERVABILITY_FILE)["services"]["grafana"]
    folder = provider["options"]["path"]

    assert f"./grafana/dashboards:{folder}:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (folder, home.removeprefix(f"{folder}/") in PAGES) == (home.rpartition("/")[0], True)
