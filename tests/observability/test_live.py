"""A real Prometheus watches a running installation: what panels and alerts ask for is there, and an alert arrives."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import redis
import yaml

from deploy.observability.dashboards.all import DASHBOARDS
from deploy.observability.make_files import make_files
from tests.observability.local_gateway import local_gateway, reserved_addresses
from tests.observability.monitored import FOLDER, Hook, Prometheus, alertmanager, exporter, hook, prometheus
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste
from tests.support.key_filter import reset_filter
from tests.support.ports import reserved_port
from tests.support.visits import DEAD_LETTERS, STREAM
from tests.support.waiting import eventually
from tests.support.web import WebServer
from tests.support.workers import keygen_worker, main_beat, main_worker

NOT_HERE = ("container_",)
"""What cAdvisor counts, which needs Docker."""
MAY_BE_EMPTY = {
    # Nothing failed, nothing is being replaced.
    'sum by (route, status) (rate(slipbin_http_requests_total{status=~"5.."}[$__rate_interval]))',
    'sum by (task) (increase(slipbin_task_runs_total{outcome="failure"}[$__rate_interval]))',
    # An engine of the tests has no limit.
    "max(redis_memory_max_bytes) > 0",
}


@dataclass(frozen=True)
class Installation:
    """An installation that is watched."""

    prometheus: Prometheus
    hook: Hook
    client: httpx.Client
    links: tuple[str, ...]

    def use(self) -> None:
        """Do what users do: follow links, read, look for what isn't there, send what can't be taken."""
        for link in self.links:
            assert self.client.get(link).status_code in (200, 302)
        self.client.get("/nothing-is-here")
        self.client.post("/api/v1/links", json={"original_url": "not-a-url"})


@pytest.fixture(scope="module")
def installation(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Our processes on the engines of the tests, the gateway, exporters, Prometheus, Alertmanager and a hook."""
    folder = tmp_path_factory.mktemp("observability")
    with ExitStack() as stack:
        valkey = stack.enter_context(redis.Redis.from_url(environment["MAIN_REDIS_URL"]))
        # Other tests may have left some, and visits that become some.
        valkey.delete(STREAM, DEAD_LETTERS)
        # The worker may complete it: entries that other tests insert behind its back would not be found.
        stack.callback(reset_filter, valkey)

        def new_folder(name: str) -> Path:
            (folder / name).mkdir()
            return folder / name

        def port() -> int:
            return stack.enter_context(reserved_port())

        gateway = stack.enter_context(reserved_addresses())
        settings = environment | {
            "MAIN_TLS_ADDRESS": gateway.https,
            "MAIN_TRUSTED_PROXIES": "127.0.0.1",
            "MAIN_VISIT_IP": "truncated",
            "KEYGEN_POOL_SIZE": "100",
        }
        targets: dict[str, str] = {}

        def with_port(name: str) -> Environment:
            number = str(port())
            targets[name] = f"127.0.0.1:{number}"
            return settings | {"MAIN_METRICS_PORT": number, "KEYGEN_METRICS_PORT": number}

        web = stack.enter_context(WebServer(with_port("main")))
        at = urlsplit(web.address).netloc
        stack.enter_context(
            local_gateway(
                new_folder("gateway"), gateway, web=at, grafana=at, MAIN_PUBLIC_URL=settings["MAIN_PUBLIC_URL"]
            )
        )
        kind = ("--queues", "main_service,main_service.slow", "--pool", "threads", "--concurrency", "4")
        stack.enter_context(main_worker(with_port("main-worker"), folder / "worker.log", kind=kind))
        stack.enter_context(main_beat(with_port("main-beat"), new_folder("beat")))
        stack.enter_context(keygen_worker(with_port("keygen-worker"), folder / "keygen.log"))
        targets |= exporters(stack, environment, gateway.status, folder)

        its_hook = stack.enter_context(hook())
        make_files(
            grafana=new_folder("grafana"),
            alertmanager=new_folder("configuration"),
            template=FOLDER / "alertmanager.yml",
            environ={"SLIPBIN_ALERT_WEBHOOK": its_hook.url},
        )
        configuration = (folder / "configuration/alertmanager.yml").read_text()
        targets["alertmanager"] = stack.enter_context(alertmanager(folder, configuration))
        server = stack.enter_context(prometheus(folder, targets, targets["alertmanager"]))

        client = stack.enter_context(httpx.Client(base_url=f"http://{gateway.http}", trust_env=False, timeout=60))
        links = (create_link(client)["key"], create_paste(client)["key"])
        yield Installation(server, its_hook, client, tuple(f"/{key}" for key in links))


def exporters(stack: ExitStack, environment: Environment, status: str, folder: Path) -> dict[str, str]:
    """Start Debian's exporters of the engines; return their addresses, by their names in prometheus.yml."""
    socket = urlsplit(environment["MAIN_REDIS_URL"]).path
    host = parse_qs(urlsplit(environment["MAIN_DATABASE_URL"]).query)["host"][0]
    sign_in = {"DATA_SOURCE_NAME": f"host={host} user=slipbin dbname=slipbin sslmode=disable"}
    return {
        "valkey-exporter": stack.enter_context(
            exporter(
                "prometheus-redis-exporter", f"-redis.addr=unix://{socket}", flag="-web.listen-address", folder=folder
            )
        ),
        "postgres-exporter": stack.enter_context(
            exporter(
                "prometheus-postgres-exporter",
                # Debian's is older than what it asks PostgreSQL 18 there.
                "--no-collector.bgwriter",
                flag="--web.listen-address",
                folder=folder,
                environment=sign_in,
            )
        ),
        "gateway-exporter": stack.enter_context(
            exporter(
                "prometheus-nginx-exporter",
                f"-nginx.scrape-uri=http://{status}/status",
                flag="-web.listen-address",
                folder=folder,
            )
        ),
    }


def rule_expressions() -> list[str]:
    groups = [group for file in FOLDER.glob("rules/*.yml") for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def panel_expressions() -> list[str]:
    return [expression for dashboard in DASHBOARDS for expression in dashboard.expressions]


def named_metrics(expressions: list[str]) -> set[str]:
    """The metrics that expressions are about: what has a known beginning, outside of quotes and braces."""
    bare = [re.sub(r'"[^"]*"|\{[^}]*\}', "", expression) for expression in expressions]
    return {
        name for each in bare for name in re.findall(r"\b(?:slipbin|pg|redis|nginx|container)[_:][a-z0-9_:]+", each)
    }


def test_every_metric_that_a_dashboard_or_alert_names_is_there(installation: Installation) -> None:
    named = {name for name in named_metrics(rule_expressions() + panel_expressions()) if not name.startswith(NOT_HERE)}
    recorded_of_containers = {"slipbin:container_memory:ratio"}

    def is_complete() -> bool:
        installation.use()
        return missing() == set()

    def missing() -> set[str]:
        return named - recorded_of_containers - installation.prometheus.names()

    try:
        eventually(is_complete, "all metrics")
    finally:
        print(sorted(missing()))


def test_every_panel_shows_something(installation: Installation) -> None:
    expressions = [each for each in panel_expressions() if each not in MAY_BE_EMPTY and "container_" not in each]

    def empty() -> list[str]:
        installation.use()
        return [each for each in expressions if not installation.prometheus.query(in_a_panel(each))]

    def are_full() -> bool:
        return not empty()

    try:
        eventually(are_full, "figures in all panels")
    finally:
        print(*empty(), sep="\n")


def in_a_panel(expression: str) -> str:
    """An expression as Grafana sends it, its variable filled in."""
    return expression.replace("$__rate_interval", "1m")


def test_prometheus_understands_what_is_not_shown_here(installation: Installation) -> None:
    expressions = [each for each in panel_expressions() if "container_" in each]

    assert expressions
    for expression in expressions:
        assert installation.prometheus.query(in_a_panel(expression)) == []


def test_every_rule_is_worked_out(installation: Installation) -> None:
    def rules() -> list[tuple[str, str, str]]:
        groups = installation.prometheus.groups()
        return [
            (rule["name"], rule["health"], rule.get("lastError", "")) for group in groups for rule in group["rules"]
        ]

    eventually(lambda: len(rules()) == len(rule_expressions()), "all rules")

    def wrong() -> list[tuple[str, str, str]]:
        """The rules that failed in their last round; while all is just being started, some may."""
        return [rule for rule in rules() if rule[1:] != ("ok", "")]

    try:
        eventually(lambda: wrong() == [], "a round in which all are worked out")
    finally:
        print(wrong())


def test_every_target_is_reached_under_its_name(installation: Installation) -> None:
    expected = {"main", "main-worker", "main-beat", "keygen-worker", "gateway", "postgres", "valkey", "alertmanager"}

    def healthy() -> set[str]:
        targets = [each for each in installation.prometheus.targets() if each["health"] == "up"]
        return {each["labels"].get("service", each["labels"]["job"]) for each in targets}

    eventually(lambda: healthy() >= expected, "all targets")


def test_an_alert_reaches_the_operator_with_the_way_to_its_cure(
    installation: Installation, valkey: "redis.Redis[str]"
) -> None:
    assert installation.hook.find("VisitDeadLetters") is None
    record = valkey.xadd(DEAD_LETTERS, {"id": "can't be read"})
    try:
        told = eventually(lambda: installation.hook.find("VisitDeadLetters"), "a message")
    finally:
        valkey.xdel(DEAD_LETTERS, record)

    assert told["status"] == "firing"
    assert told["labels"]["severity"] == "warning"
    assert told["annotations"]["summary"] == "1 records of visits could not be read or stored"
    assert told["annotations"]["runbook"] == "docs/operating.md#visitdeadletters"
