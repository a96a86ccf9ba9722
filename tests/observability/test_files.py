"""What Grafana, Alertmanager and the exporter are given: drawn once, for the right eyes, and usable as it is."""

import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import httpx
import pytest
import yaml

from deploy.observability.make_files import SettingError, make_files
from deploy.observability.make_role import ROLE, exporter_uri, make_role
from tests.observability.monitored import FOLDER, alertmanager, exporter
from tests.support.database import execute
from tests.support.engines import Environment, running_engines, temporary_folder
from tests.support.smtp_server import SmtpServer
from tests.support.tools import needs
from tests.support.waiting import eventually

HARD_TO_QUOTE = 'it\'s "{{ .x }}" \\ # : ü'


def made(folder: Path, **environ: str) -> Path:
    """The configuration of Alertmanager for these settings."""
    for name in ("grafana", "alertmanager"):
        (folder / name).mkdir(exist_ok=True)
    make_files(
        grafana=folder / "grafana",
        alertmanager=folder / "alertmanager",
        template=FOLDER / "alertmanager.yml",
        environ=environ,
    )
    return folder / "alertmanager/alertmanager.yml"


def receiver(file: Path) -> dict[str, list[dict[str, object]]]:
    """How the operator is told; amtool accepts the file."""
    subprocess.run([needs("amtool", "prometheus-alertmanager"), "check-config", file], check=True, timeout=60)
    [found] = yaml.safe_load(file.read_text())["receivers"]
    return {kind: ways for kind, ways in found.items() if kind != "name"}


def test_passwords_are_drawn_once_and_only_the_group_may_read_them(tmp_path: Path) -> None:
    made(tmp_path)
    before = {file.name: file.read_text() for file in (tmp_path / "grafana").iterdir()}
    made(tmp_path, SLIPBIN_ALERT_WEBHOOK="http://hook.example/")

    assert {file.name: file.read_text() for file in (tmp_path / "grafana").iterdir()} == before
    assert set(before) == {"grafana_password", "grafana_secret_key"}
    assert all(len(secret) >= 20 for secret in before.values())
    for file in tmp_path.rglob("*"):
        assert file.is_dir() or stat.S_IMODE(file.stat().st_mode) == 0o440


def test_each_installation_draws_its_own(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        made(tmp_path / name)

    one, other = ((tmp_path / name / "grafana/grafana_password").read_text() for name in ("one", "other"))
    assert one != other


def test_without_a_way_alerts_are_only_shown(tmp_path: Path) -> None:
    assert receiver(made(tmp_path)) == {}


def test_way_that_is_taken_back_is_gone(tmp_path: Path) -> None:
    made(tmp_path, SLIPBIN_ALERT_WEBHOOK="http://hook.example/")

    assert receiver(made(tmp_path)) == {}


def test_values_stay_what_they_are(tmp_path: Path) -> None:
    file = made(
        tmp_path,
        SLIPBIN_ALERT_WEBHOOK="https://hook.example/a?token=it's#x",
        SLIPBIN_ALERT_EMAIL="ops@example.org",
        MAIN_SMTP_URL=f"smtp://{quote('a@b', safe='')}:{quote(HARD_TO_QUOTE, safe='')}@mail.example:2525",
        MAIN_MAIL_FROM="Paste <paste@example.org>",
        MAIN_PUBLIC_URL="https://paste.example",
    )

    ways = receiver(file)
    assert ways["webhook_configs"] == [{"url": "https://hook.example/a?token=it's#x", "send_resolved": True}]
    assert ways["email_configs"] == [
        {
            "to": "ops@example.org",
            "from": "Paste <paste@example.org>",
            "hello": "paste.example",
            "smarthost": "mail.example:2525",
            "require_tls": True,
            "auth_username": "a@b",
            "auth_password": HARD_TO_QUOTE,
            "send_resolved": True,
        }
    ]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"SLIPBIN_ALERT_WEBHOOK": "hook.example"}, "SLIPBIN_ALERT_WEBHOOK"),
        ({"SLIPBIN_ALERT_WEBHOOK": "file:///etc/passwd"}, "SLIPBIN_ALERT_WEBHOOK"),
        ({"SLIPBIN_ALERT_EMAIL": "ops@example.org"}, "MAIN_SMTP_URL"),
        ({"SLIPBIN_ALERT_EMAIL": "ops@example.org", "MAIN_SMTP_URL": "file:///outbox"}, "MAIN_SMTP_URL"),
    ],
)
def test_alerts_that_would_reach_no_one_stop_the_start_with_a_sentence(
    tmp_path: Path, settings: dict[str, str], named: str
) -> None:
    with pytest.raises(SettingError, match=named):
        made(tmp_path, **settings)


def test_an_alert_arrives_by_email(tmp_path: Path) -> None:
    with SmtpServer() as server:
        smtp = urlsplit(server.url)
        file = made(
            tmp_path,
            SLIPBIN_ALERT_EMAIL="ops@example.org",
            MAIN_SMTP_URL=f"smtp://{smtp.hostname}:{smtp.port}?starttls=never",
            MAIN_PUBLIC_URL="https://paste.example",
        )
        with alertmanager(tmp_path, file.read_text()) as address:
            alert = {"labels": {"alertname": "PartDown"}, "annotations": {"runbook": "docs/operating.md#partdown"}}
            httpx.post(f"http://{address}/api/v2/alerts", json=[alert], trust_env=False, timeout=60).raise_for_status()
            recipient, email = eventually(lambda: next(iter(server.inbox.received), None), "an email")

    assert recipient == "ops@example.org"
    assert b"PartDown" in email


def test_what_follows_from_another_alert_is_not_told_too(tmp_path: Path) -> None:
    firing = [
        {"alertname": "PartDown", "part": "redis"},
        {"alertname": "ServerErrors"},
        {"alertname": "DiskFull", "place": "texts"},
        {"alertname": "DiskFilling", "place": "texts"},
        {"alertname": "DiskFilling", "place": "root"},
        {"alertname": "ServiceMissing", "service": "keygen-beat"},
        {"alertname": "SchedulerSilent", "app": "keygen_service"},
        {"alertname": "TargetDown", "service": "keygen-beat"},
        {"alertname": "SchedulerSilent", "app": "main_service"},
        {"alertname": "VisitsDropped"},
        {"alertname": "InodesFull", "place": "texts"},
        {"alertname": "InodesFilling", "place": "texts"},
    ]
    follows = [firing[1], firing[3], firing[6], firing[7], firing[11]]

    with alertmanager(tmp_path, made(tmp_path).read_text()) as address:
        url = f"http://{address}/api/v2/alerts"
        httpx.post(url, json=[{"labels": labels} for labels in firing], trust_env=False, timeout=60).raise_for_status()

        def told() -> list[dict[str, str]]:
            found = httpx.get(url, params={"inhibited": "false"}, trust_env=False, timeout=60).json()
            return sorted((each["labels"] for each in found), key=str)

        expected = sorted((labels for labels in firing if labels not in follows), key=str)
        eventually(lambda: told() == expected, "what is told")


@pytest.fixture(scope="module")
def role_engines() -> Iterator[Environment]:
    """Engines of our own, because a role belongs to all databases of a server."""
    with temporary_folder() as folder, running_engines(folder) as environment:
        yield environment


async def test_exporter_has_a_role_that_sees_figures_and_no_row(role_engines: Environment, tmp_path: Path) -> None:
    for _ in range(2):
        # Again at each start.
        await make_role(tmp_path, role_engines["MAIN_DATABASE_URL"])
    uri, password = ((tmp_path / name).read_text() for name in ("uri", "password"))
    host = parse_qs(urlsplit(uri).query)["host"][0]
    connection = await asyncpg.connect(host=host, user=ROLE, password=password, database="slipbin")
    try:
        assert await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query IS NOT NULL") > 0
        for table in ("entry", "account", "visit"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT * FROM {table}")
        assert not await connection.fetchval("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = $1", ROLE)
    finally:
        await connection.close()

    sign_in = {"DATA_SOURCE_URI": uri, "DATA_SOURCE_USER": ROLE, "DATA_SOURCE_PASS_FILE": str(tmp_path / "password")}
    program = "prometheus-postgres-exporter"
    with exporter(
        program, "--no-collector.bgwriter", flag="--web.listen-address", folder=tmp_path, environment=sign_in
    ) as address:

        def figures_of_postgres() -> str | None:
            # On a busy machine PostgreSQL may answer the first of its questions too late.
            figures = httpx.get(f"http://{address}/metrics", trust_env=False, timeout=60).text
            return figures if "\npg_up 1\n" in figures else None

        figures = eventually(figures_of_postgres, "the figures of PostgreSQL")
    assert 'pg_database_size_bytes{datname="slipbin"' in figures


async def test_user_who_may_make_no_roles_is_told_what_to_type(
    role_engines: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = role_engines["MAIN_DATABASE_URL"]
    execute(url, "CREATE ROLE plain LOGIN")

    await make_role(tmp_path, url.replace("slipbin@", "plain@"))

    assert f"GRANT pg_monitor TO {ROLE};" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+asyncpg://slipbin@postgres/slipbin", "postgres/slipbin?sslmode=disable"),
        ("postgresql+asyncpg://me:a%40b@db.example:5433/paste?ssl=require", "db.example:5433/paste?sslmode=require"),
    ],
)
def test_exporter_finds_the_database_of_the_service(url: str, expected: str) -> None:
    assert exporter_uri(url) == expected
