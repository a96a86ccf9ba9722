"""What deploy/observability/compose.yml promises, as far as the file itself can say it."""

import re
from typing import Any

import pytest

from tests.deployment.compose_file import OBSERVABILITY_FILE, compose_file, example_values, used_variables
from tests.support.engines import REPOSITORY

FILE = compose_file(file=OBSERVABILITY_FILE)
SERVICES = FILE["services"]
ONE_SHOT = ("observability-files", "postgres-monitor")
LONG_RUNNING = sorted(set(SERVICES) - set(ONE_SHOT))
PROGRAM_ALONE = ("gateway-exporter", "valkey-exporter")
"""Images in which there is nothing that a health check could run."""
OWN_CHECK = ("cadvisor",)
"""Images that bring their health check."""


def mounts(service: str) -> dict[str, list[str]]:
    """What is mounted, and how, by the folder it is mounted at."""
    return {
        parts[1]: [parts[0], *parts[2:]] for parts in (it.split(":") for it in SERVICES[service].get("volumes", []))
    }


def test_compose_includes_it() -> None:
    assert compose_file()["include"] == [OBSERVABILITY_FILE]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_nothing_of_it_starts_without_the_profile(name: str) -> None:
    assert SERVICES[name]["profiles"] == ["observability"]


def test_no_name_is_taken_twice() -> None:
    main = compose_file()

    for kind in ("services", "networks", "volumes"):
        assert not set(main[kind]) & set(FILE[kind])


def test_every_variable_is_explained_in_the_example_with_its_default() -> None:
    shown = example_values(with_comments=True)
    used = used_variables(file=OBSERVABILITY_FILE)

    assert set(used) <= set(shown)
    own = {name: values for name, values in used.items() if name.startswith("SLIPBIN_")}
    own_defaults = {name: {shown[name]} for name in own}
    # Without a path of its own, Grafana is at the root.
    assert own == own_defaults | {"SLIPBIN_GRAFANA_PATH": {"/"}}


def test_example_taken_as_it_is_changes_nothing() -> None:
    assert compose_file(example_values(with_comments=False), file=OBSERVABILITY_FILE) == FILE


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_is_held_as_the_services_are(name: str) -> None:
    service, valkey = SERVICES[name], compose_file()["services"]["valkey"]

    for restriction in ("read_only", "cap_drop", "security_opt", "ulimits", "pids_limit", "logging"):
        assert service[restriction] == valkey[restriction], restriction
    assert not service.keys() & {"cap_add", "privileged", "pid", "ipc", "devices"}
    assert re.fullmatch(r"[0-9]+[gm]", service["mem_limit"])
    assert all(re.fullmatch(r"/[a-z/]+:size=[0-9]+m", folder) for folder in service.get("tmpfs", []))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_none_but_cadvisor_is_root_or_sees_the_host(name: str) -> None:
    of_the_host = [source for source, *_ in mounts(name).values() if source.startswith("/")]

    if name == "cadvisor":
        assert SERVICES[name]["user"] == "0:0"
        assert of_the_host == ["/sys", "/proc", "/var/run/docker.sock"]
        assert all(how == ["ro"] for _, *how in mounts(name).values())
        assert SERVICES[name]["networks"] == ["cadvisor"]
    else:
        assert int(SERVICES[name]["user"].split(":")[0]) > 0
        assert of_the_host == []


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_what_runs_for_long_is_restarted_and_watched(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    if name in (*PROGRAM_ALONE, *OWN_CHECK):
        assert "healthcheck" not in SERVICES[name]
    else:
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", ONE_SHOT)
def test_what_runs_to_its_end_is_not_restarted(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"
    assert SERVICES[name]["image"] == "slipbin"


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_images_are_of_an_exact_version(name: str) -> None:
    assert re.search(r":v?[0-9]+\.[0-9]+\.[0-9]+$", SERVICES[name]["image"])


def test_only_grafana_can_be_reached_and_only_from_this_machine() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert ports == {"grafana": ["127.0.0.1:3000:3000"]}


def networks(name: str) -> set[str]:
    return set(SERVICES[name].get("networks", []))


def test_the_world_is_reached_only_by_who_sends_alerts() -> None:
    internal = {name for name, network in FILE["networks"].items() if (network or {}).get("internal") is True}

    assert internal == {"observability", "cadvisor", "status"}
    # A published port needs a network that isn't internal.
    assert {name for name in SERVICES if networks(name) - internal - {"inside"}} == {"grafana", "alertmanager"}
    assert {name for name in SERVICES if "inside" not in networks(name)} >= {"grafana", "alertmanager", "cadvisor"}


def target_names(config: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for job in config["scrape_configs"]:
        for each in job.get("static_configs", []):
            found |= {target.partition(":")[0] for target in each["targets"]}
        for each in job.get("dns_sd_configs", []):
            found |= set(each["names"])
    return found - {"127.0.0.1"}


def test_prometheus_reaches_all_that_it_scrapes() -> None:
    names = target_names(compose_file(file="deploy/observability/prometheus.yml"))
    everything = compose_file()["services"] | SERVICES

    assert names <= set(everything)
    for name in names:
        assert set(everything[name]["networks"]) & networks("prometheus"), name


WITHOUT_METRICS = {"gateway-certificates"}
"""What has nothing to tell: the doctor and an alert look at the certificate that the gateway shows."""


def test_prometheus_scrapes_every_exporter_and_every_service_of_ours() -> None:
    names = target_names(compose_file(file="deploy/observability/prometheus.yml"))
    ours = {
        name
        for name, service in compose_file()["services"].items()
        if service["image"] == "slipbin" and service["restart"] != "no"
    } - WITHOUT_METRICS

    assert names >= ours | {name for name in SERVICES if name.endswith("exporter")} | {"cadvisor", "alertmanager"}


def test_each_secret_is_mounted_where_it_is_needed_and_nowhere_else() -> None:
    users: dict[str, set[tuple[str, str]]] = {}
    for name in SERVICES:
        for source, *how in mounts(name).values():
            users.setdefault(source, set()).add((name, "".join(how)))

    assert users["grafana-secrets"] == {("observability-files", ""), ("grafana", "ro")}
    assert users["alertmanager-config"] == {("observability-files", ""), ("alertmanager", "ro")}
    assert users["postgres-monitor"] == {("postgres-monitor", ""), ("postgres-exporter", "ro")}
    assert users["secrets"] == {("postgres-monitor", "ro")}


def test_grafana_asks_for_a_password_and_tells_no_other_site() -> None:
    environment = SERVICES["grafana"]["environment"]

    assert environment["GF_SECURITY_ADMIN_PASSWORD__FILE"] in {f"{at}/grafana_password" for at in mounts("grafana")}
    assert environment["GF_SECURITY_SECRET_KEY__FILE"] in {f"{at}/grafana_secret_key" for at in mounts("grafana")}
    for name in (
        "AUTH_ANONYMOUS_ENABLED",
        "USERS_ALLOW_SIGN_UP",
        "ANALYTICS_REPORTING_ENABLED",
        "ANALYTICS_CHECK_FOR_UPDATES",
        "ANALYTICS_CHECK_FOR_PLUGIN_UPDATES",
        "NEWS_NEWS_FEED_ENABLED",
        "SNAPSHOTS_EXTERNAL_ENABLED",
    ):
        assert environment[f"GF_{name}"] == "false"
    assert environment["GF_SECURITY_DISABLE_GRAVATAR"] == "true"


@pytest.mark.parametrize(("path", "expected"), [("", "/"), ("/grafana/", "/grafana/")])
def test_grafana_is_under_a_path_only_if_it_is_set(path: str, expected: str) -> None:
    grafana = compose_file({"SLIPBIN_GRAFANA_PATH": path}, file=OBSERVABILITY_FILE)["services"]["grafana"]

    assert grafana["environment"]["GF_SERVER_ROOT_URL"].endswith(f"%(http_port)s{expected}")
    assert grafana["healthcheck"]["test"][-1] == f"http://127.0.0.1:3000{expected}api/health"


def test_files_that_are_mounted_are_there() -> None:
    for name in SERVICES:
        for source, *_ in mounts(name).values():
            assert not source.startswith("./") or (REPOSITORY / "deploy/observability" / source).exists(), source


def test_containers_can_be_watched_without() -> None:
    assert SERVICES["cadvisor"]["scale"] == "1"
    assert compose_file({"SLIPBIN_CADVISOR": "0"}, file=OBSERVABILITY_FILE)["services"]["cadvisor"]["scale"] == "0"
