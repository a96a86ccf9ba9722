"""What docker-compose.yml promises, as far as the file itself can say it."""

import re

import pytest
from pydantic_settings import BaseSettings

import keygen_service.settings
import main_service.settings
from tests.deployment.compose_file import ENGINES, ONE_SHOT, OURS, compose_file, example_values, used_variables
from tests.support.engines import REPOSITORY

SERVICES = compose_file()["services"]
LONG_RUNNING = sorted(set(SERVICES) - set(ONE_SHOT))
ENGINE_DATA = {"postgres": "/var/lib/postgresql", "valkey": "/data", "seaweedfs": "/data"}


def mounts(service: str) -> dict[str, str]:
    """Volume by the folder it is mounted at."""
    return {parts[1]: parts[0] for parts in (mount.split(":") for mount in SERVICES[service].get("volumes", []))}


def seconds(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def test_it_holds_our_services_the_engines_and_the_gateway_and_nothing_else() -> None:
    assert set(SERVICES) == {*OURS, *ENGINES, "gateway"}


def test_every_variable_is_explained_in_the_example() -> None:
    assert set(used_variables()) <= set(example_values(with_comments=True))


def test_defaults_of_what_only_compose_reads_are_the_ones_in_the_example() -> None:
    shown = example_values(with_comments=True)
    used = {name: values for name, values in used_variables().items() if not name.startswith(("MAIN_", "KEYGEN_"))}

    assert used == {name: {shown[name]} for name in used}


def test_example_taken_as_it_is_changes_nothing() -> None:
    assert compose_file(example_values(with_comments=False)) == compose_file()


def test_no_secret_has_a_value_in_the_file() -> None:
    for name, defaults in used_variables().items():
        if re.search("SECRET(?!_FILE)|PASSWORD|KEY_ID", name):
            assert defaults == {""}, name
    assert not re.search(r"://[^/\s@]+:[^/\s@]+@", (REPOSITORY / "docker-compose.yml").read_text())


@pytest.mark.parametrize(
    ("settings", "services"),
    [
        (main_service.settings.Settings, ("main", "main-worker", "main-slow", "main-beat", "migrate")),
        (keygen_service.settings.Settings, ("keygen-worker", "keygen-beat")),
    ],
)
def test_every_setting_reaches_the_services(settings: type[BaseSettings], services: tuple[str, ...]) -> None:
    prefix = settings.model_config["env_prefix"]
    names = {prefix + name.upper() for name in settings.model_fields}
    chosen = compose_file({name: f"chosen {name}" for name in names})["services"]

    for service in services:
        environment = chosen[service]["environment"]
        passed = {name: environment.get(name) for name in names}
        # Where Prometheus asks: that each container serves them there is no choice.
        assert passed.pop(f"{prefix}METRICS_PORT") == "9464"
        assert passed.pop(f"{prefix}METRICS_HOST") == "0.0.0.0"
        assert passed == {name: f"chosen {name}" for name in passed}
        assert len(passed) == len(names) - 2


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_nothing_runs_as_root_writes_to_its_image_or_has_a_capability(name: str) -> None:
    service = SERVICES[name]

    assert int(service["user"].split(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert not service.keys() & {"cap_add", "privileged", "pid", "ipc", "devices"}
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_takes_no_more_of_the_machine_than_its_share(name: str) -> None:
    service = SERVICES[name]

    assert service["ulimits"]["nofile"] == {"soft": "65536", "hard": "65536"}
    assert 0 < service["pids_limit"] <= 1024
    assert re.fullmatch(r"[0-9]+[gm]", service["mem_limit"])
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}
    assert all(
        re.fullmatch(r"/[a-z/]+:size=[0-9]+m(,uid=10001,gid=10001,mode=0700)?", folder)
        for folder in service.get("tmpfs", [])
    )


@pytest.mark.parametrize("count", [1, 2, 8])
def test_each_web_process_has_a_gigabyte_unless_the_operator_says_otherwise(count: int) -> None:
    chosen = {"SLIPBIN_WEB_PROCESSES": str(count)}

    assert compose_file(chosen)["services"]["main"]["mem_limit"] == f"{count}g"
    bounded = compose_file(chosen | {"SLIPBIN_WEB_MEMORY": "3g"})["services"]["main"]
    assert bounded["mem_limit"] == "3g"


def test_filter_of_used_keys_leaves_room_in_valkey() -> None:
    filter_bytes = int(SERVICES["main"]["environment"]["MAIN_KEY_FILTER_MAX_BYTES"])
    command = SERVICES["valkey"]["command"]

    assert command[command.index("--maxmemory") + 1] == "1gb"
    assert filter_bytes == 2**30 // 4
    own = compose_file({"MAIN_KEY_FILTER_MAX_BYTES": "1048576"})["services"]["main"]["environment"]
    assert own["MAIN_KEY_FILTER_MAX_BYTES"] == "1048576"


def test_valkey_refuses_data_before_it_is_killed_for_it() -> None:
    command = SERVICES["valkey"]["command"]

    assert (command[command.index("--maxmemory") + 1], SERVICES["valkey"]["mem_limit"]) == ("1gb", "2g")


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_what_runs_for_long_is_restarted_and_watched(name: str) -> None:
    service, check = SERVICES[name], SERVICES[name]["healthcheck"]

    assert service["restart"] == "unless-stopped"
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert seconds(check["timeout"]) <= seconds(check["interval"])
    # Until it is healthy, others wait for it.
    assert seconds(check["start_interval"]) <= 5


@pytest.mark.parametrize("name", ONE_SHOT)
def test_what_runs_to_its_end_is_not_restarted(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"
    assert "healthcheck" not in SERVICES[name]


@pytest.mark.parametrize("name", OURS)
def test_our_services_share_one_image_that_is_built_once(name: str) -> None:
    assert (SERVICES[name]["image"] == SERVICES["main"]["image"]) == (name != "secrets")
    # Compose would ask a registry for it, and say that it isn't there.
    assert SERVICES[name]["pull_policy"] == "never"
    assert ("build" in SERVICES[name]) == (name in ("migrate", "secrets"))


def test_only_the_gateway_can_be_reached_and_only_from_this_machine() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["gateway"]
    assert SERVICES["gateway"]["ports"] == ["127.0.0.1:8000:8080", "127.0.0.1:8443:8443"]
    chosen = compose_file({"SLIPBIN_HOST": "0.0.0.0", "SLIPBIN_PORT": "9000", "SLIPBIN_TLS_PORT": "9443"})["services"]
    assert chosen["gateway"]["ports"] == ["0.0.0.0:9000:8080", "0.0.0.0:9443:8443"]
    assert chosen["main"]["command"][-1] == chosen["main"]["healthcheck"]["test"][-1] == "9000"
    assert "main:9000" in chosen["gateway-config"]["command"]
    for service in ("main", "gateway-config", "gateway-certificates"):
        assert chosen[service]["environment"]["MAIN_PUBLIC_URL"] == "http://127.0.0.1:9000"


def test_web_processes_trust_the_gateways_network_and_nothing_else_is_in_it() -> None:
    assert compose_file()["networks"]["front"]["ipam"] == {"config": [{"subnet": "10.231.147.0/26"}]}
    assert [name for name, service in SERVICES.items() if "front" in service["networks"]] == ["gateway", "main"]
    believed = {name: SERVICES["main"]["environment"][name] for name in ("MAIN_GATEWAY", "MAIN_TRUSTED_PROXIES")}
    assert believed == {"MAIN_GATEWAY": "10.231.147.0/26", "MAIN_TRUSTED_PROXIES": ""}
    chosen = compose_file({"SLIPBIN_GATEWAY_SUBNET": "10.9.8.0/28", "MAIN_TRUSTED_PROXIES": "203.0.113.7"})
    assert chosen["networks"]["front"]["ipam"] == {"config": [{"subnet": "10.9.8.0/28"}]}
    assert chosen["services"]["main"]["environment"]["MAIN_GATEWAY"] == "10.9.8.0/28"
    for service in ("main", "gateway-config"):
        assert chosen["services"][service]["environment"]["MAIN_TRUSTED_PROXIES"] == "203.0.113.7"


def test_web_processes_are_several_and_the_gateway_outlives_them() -> None:
    assert SERVICES["main"]["scale"] == "2"
    assert compose_file({"SLIPBIN_WEB_REPLICAS": "5"})["services"]["main"]["scale"] == "5"
    # Compose would replace it together with what it depends on.
    assert set(SERVICES["gateway"]["depends_on"]) == {"gateway-config"}


def test_gateway_takes_folders_of_the_operator_in_place_of_volumes() -> None:
    chosen = compose_file({"SLIPBIN_TLS": "/srv/tls", "SLIPBIN_ACME": "/srv/acme"})["services"]

    assert chosen["gateway"]["volumes"] == ["gateway:/run/gateway:ro", "/srv/acme:/acme:ro"]
    for service in ("gateway-config", "gateway-certificates"):
        assert chosen[service]["volumes"] == ["gateway:/run/gateway", "/srv/tls:/tls:ro"]


def test_everything_else_is_on_an_internal_network() -> None:
    assert compose_file()["networks"]["inside"]["internal"] == "true"
    networks = {name: service["networks"] for name, service in SERVICES.items()}

    assert compose_file()["networks"]["front"]["internal"] is True
    # One of them alone isn't internal: docs/operating.md names the address that a proxy on the machine has there.
    assert networks.pop("gateway") == ["front", "outside", "status"]
    assert networks.pop("main") == ["inside", "texts", "front"]
    for name in ("secrets", "gateway-config", "gateway-certificates"):
        assert networks.pop(name) == []
        assert SERVICES[name]["network_mode"] == "none"
    for service in ("main-worker", "main-slow", "migrate"):
        assert networks.pop(service) == ["inside", "texts"]
    assert networks.pop("seaweedfs") == ["texts"]
    assert set(map(tuple, networks.values())) == {("inside",)}


def test_object_store_whose_ports_ask_for_no_key_is_reached_by_those_who_use_it() -> None:
    assert compose_file({"SLIPBIN_INTERNAL": "false"})["networks"]["texts"] == {"internal": True}
    on_it = {name for name, service in SERVICES.items() if "texts" in service["networks"]}
    assert on_it == {"main", "main-worker", "main-slow", "migrate", "seaweedfs"}


def test_what_must_last_lies_in_volumes_with_names() -> None:
    volumes = set(compose_file()["volumes"])
    mounted = [mounts(name) for name in SERVICES]

    assert {volume for mount in mounted for volume in mount.values()} == volumes
    for engine, folder in ENGINE_DATA.items():
        assert mounts(engine)[folder] == engine
    for beat in ("main-beat", "keygen-beat"):
        command = SERVICES[beat]["command"]
        schedule = command[command.index("--schedule") + 1]
        assert mounts(beat)[schedule.rpartition("/")[0]] == beat


def test_only_who_makes_the_secrets_may_write_them() -> None:
    using = {
        (name, mount.partition(":")[0]): mount.partition(":")[2]
        for name, service in SERVICES.items()
        for mount in service.get("volumes", [])
        if "secret" in mount
    }

    for volume, folder in {
        "secrets": "/run/slipbin",
        "postgres-secret": "/run/for-postgres",
        "seaweedfs-secret": "/run/for-seaweedfs",
    }.items():
        assert using.pop(("secrets", volume)) == folder
    ours = {(name, "secrets") for name in ("main", "main-worker", "main-slow", "main-beat", "migrate")}
    assert set(using) == {*ours, ("postgres", "postgres-secret"), ("seaweedfs", "seaweedfs-secret")}
    assert set(using.values()) == {"/run/slipbin:ro"}


@pytest.mark.parametrize("name", ["main", "main-worker", "main-slow"])
def test_schema_and_bucket_are_awaited(name: str) -> None:
    assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_secrets_come_before_the_services_that_read_them() -> None:
    def comes_before(name: str) -> set[str]:
        return set().union(*({n} | comes_before(n) for n in SERVICES[name].get("depends_on", ())))

    for name in SERVICES:
        if "/run/slipbin" in mounts(name) and name != "secrets":
            assert "secrets" in comes_before(name), name


def test_every_process_has_the_time_it_needs_to_end() -> None:
    graces = {name: seconds(s["stop_grace_period"]) for name, s in SERVICES.items() if "stop_grace_period" in s}

    assert graces["main"] == 15
    background = ("main-worker", "main-slow", "main-beat", "keygen-worker", "keygen-beat")
    assert {graces[name] for name in background} == {20}
    assert all(graces[engine] >= 30 for engine in ENGINES)


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_of_ones_own_replaces_the_one_that_comes_along(name: str) -> None:
    chosen = compose_file({f"SLIPBIN_{name.upper()}": "0", "SLIPBIN_INTERNAL": "false"})

    assert (SERVICES[name]["scale"], chosen["services"][name]["scale"]) == ("1", "0")
    assert chosen["networks"]["inside"]["internal"] == "false"


def test_an_empty_endpoint_means_amazons() -> None:
    chosen = compose_file({"MAIN_BODY_STORE_ENDPOINT": ""})["services"]

    assert chosen["main"]["environment"]["MAIN_BODY_STORE_ENDPOINT"] == ""
    assert SERVICES["main"]["environment"]["MAIN_BODY_STORE_ENDPOINT"] == "http://seaweedfs:8333"


def test_valkey_keeps_every_write_and_evicts_nothing() -> None:
    command = " ".join(SERVICES["valkey"]["command"])

    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_seaweedfs_asks_for_a_key_and_sends_no_telemetry() -> None:
    assert "-s3.config=/run/slipbin/s3.json" in SERVICES["seaweedfs"]["command"]
    assert "-master.telemetry=false" in SERVICES["seaweedfs"]["command"]


def test_emails_are_kept_in_a_volume_until_there_is_a_mail_server() -> None:
    worker = SERVICES["main-worker"]

    [(folder, _)] = [it for it in mounts("main-worker").items() if it[1] == "outbox"]
    assert worker["environment"]["MAIN_SMTP_URL"] == f"file://{folder}/outbox"
    chosen = compose_file({"MAIN_SMTP_URL": "smtp://mail.example.org"})["services"]["main-worker"]
    assert chosen["environment"]["MAIN_SMTP_URL"] == "smtp://mail.example.org"
