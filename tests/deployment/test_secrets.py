"""The secrets of a compose project are drawn once and reach those who need them."""

import configparser
import json
import os
import stat
from pathlib import Path

import pytest

from main_service.settings import Settings
from tests.deployment.compose_file import compose_file
from tests.deployment.containers import Containers
from tests.support.database import connected
from tests.support.engines import SECRET, running_engines, temporary_folder
from tests.support.settings import VALID_SETTINGS
from tests.support.waiting import eventually

FOR_ENGINES = {"postgres-secret": "postgres_password", "seaweedfs-secret": "s3.json"}
"""The volume of each engine's secret, and the one file in it."""


@pytest.fixture
def secrets_folder(tmp_path: Path) -> Path:
    """The volume after the first start."""
    first = Containers(tmp_path, {})
    assert first.run("secrets").returncode == 0
    return first.volume("secrets")


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def secret_of_main(volume: Path, monkeypatch: pytest.MonkeyPatch, secret: str | None = None) -> str:
    """The secret that the settings have, with the drawn one in a file and `secret` in the environment."""
    monkeypatch.setenv("MAIN_SECRET_FILE", str(volume / "main_secret"))
    monkeypatch.delenv("MAIN_SECRET", raising=False)
    if secret is not None:
        monkeypatch.setenv("MAIN_SECRET", secret)
    values = {name: value for name, value in VALID_SETTINGS.items() if name != "secret"}
    return Settings(**values).secret.get_secret_value()  # type: ignore[arg-type]


def test_second_start_changes_nothing(tmp_path: Path, secrets_folder: Path) -> None:
    before = contents(secrets_folder)

    assert Containers(tmp_path, {}).run("secrets").returncode == 0

    assert contents(secrets_folder) == before
    assert set(before) == {"main_secret", "postgres_password", "pgpass", "s3.json", "aws_credentials"}


def test_every_project_draws_its_own(tmp_path: Path, secrets_folder: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Containers(tmp_path / "other", {})
    other.run("secrets")

    assert not set(contents(secrets_folder).values()) & set(contents(other.volume("secrets")).values())


def test_what_a_killed_run_left_out_is_made_by_the_next_to_fit_the_rest(tmp_path: Path, secrets_folder: Path) -> None:
    before = contents(secrets_folder)
    for name in ("pgpass", "aws_credentials"):
        (secrets_folder / name).unlink()
    (secrets_folder / "pgpass.unfinished").write_text("half a li")

    assert Containers(tmp_path, {}).run("secrets").returncode == 0

    assert contents(secrets_folder) == before


def test_files_are_read_by_our_user_alone_but_for_those_of_the_engines(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        project = Containers(tmp_path, {})
        assert project.run("secrets").returncode == 0
    finally:
        os.umask(old)

    assert {stat.S_IMODE(file.stat().st_mode) for file in project.volume("secrets").iterdir()} == {0o400}
    for volume in FOR_ENGINES:
        assert [stat.S_IMODE(file.stat().st_mode) for file in project.volume(volume).iterdir()] == [0o440]


def test_each_engine_has_its_own_secret_and_no_other(tmp_path: Path, secrets_folder: Path) -> None:
    for volume, name in FOR_ENGINES.items():
        assert contents(tmp_path / volume) == {name: (secrets_folder / name).read_text()}
    mounted = {name: service.get("volumes", []) for name, service in compose_file()["services"].items()}
    for engine in ("postgres", "seaweedfs"):
        assert [it for it in mounted[engine] if "secret" in it] == [f"{engine}-secret:/run/slipbin:ro"]


def test_engines_of_an_installation_from_before_keep_their_secrets(tmp_path: Path, secrets_folder: Path) -> None:
    before = contents(secrets_folder)
    for volume in FOR_ENGINES:
        for file in (tmp_path / volume).iterdir():
            file.unlink()

    assert Containers(tmp_path, {}).run("secrets").returncode == 0

    for volume, name in FOR_ENGINES.items():
        assert contents(tmp_path / volume) == {name: before[name]}


def test_both_ends_are_told_the_same(secrets_folder: Path) -> None:
    password = (secrets_folder / "postgres_password").read_text()
    assert (secrets_folder / "pgpass").read_text() == f"*:*:slipbin:slipbin:{password}\n"
    postgres = compose_file()["services"]["postgres"]["environment"]
    assert (postgres["POSTGRES_USER"], postgres["POSTGRES_DB"]) == ("slipbin", "slipbin")

    identity = json.loads((secrets_folder / "s3.json").read_text())["identities"][0]
    credentials = configparser.RawConfigParser()
    credentials.read(secrets_folder / "aws_credentials")
    assert identity["credentials"] == [
        {
            "accessKey": credentials["default"]["aws_access_key_id"],
            "secretKey": credentials["default"]["aws_secret_access_key"],
        }
    ]


def test_services_are_told_where_the_files_are(secrets_folder: Path) -> None:
    for name in ("main", "main-worker", "main-slow", "main-beat", "migrate"):
        environment = compose_file()["services"][name]["environment"]
        for variable in ("MAIN_SECRET_FILE", "PGPASSFILE", "AWS_SHARED_CREDENTIALS_FILE"):
            assert (secrets_folder / environment[variable].removeprefix("/run/slipbin/")).exists()
    postgres = compose_file()["services"]["postgres"]["environment"]
    assert (secrets_folder / postgres["POSTGRES_PASSWORD_FILE"].removeprefix("/run/slipbin/")).exists()


def test_secret_of_the_environment_wins(secrets_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = (secrets_folder / "main_secret").read_text()

    assert len(drawn) >= 32
    assert secret_of_main(secrets_folder, monkeypatch) == drawn
    assert secret_of_main(secrets_folder, monkeypatch, "") == drawn
    assert secret_of_main(secrets_folder, monkeypatch, SECRET) == SECRET


async def test_drawn_password_lets_services_into_a_database_that_asks_for_it(tmp_path: Path) -> None:
    with temporary_folder() as data, running_engines(data) as environment:
        url = environment["MAIN_DATABASE_URL"]
        containers = Containers(tmp_path, {"MAIN_DATABASE_URL": url, "MAIN_BODY_STORE_URL": f"file://{tmp_path}"})
        containers.run("secrets")
        password = (containers.volume("secrets") / "postgres_password").read_text()
        async with connected(environment) as connection:
            await connection.execute(f"ALTER ROLE slipbin PASSWORD '{password}'")
            Path(await connection.fetchval("SHOW hba_file")).write_text("local all all scram-sha-256\n")
            await connection.execute("SELECT pg_reload_conf()")
        (containers.volume("secrets") / "pgpass").rename(tmp_path / "kept")

        eventually(lambda: containers.run("migrate").returncode != 0, "a migration that fails")
        (tmp_path / "kept").rename(containers.volume("secrets") / "pgpass")

        assert containers.run("migrate").returncode == 0
