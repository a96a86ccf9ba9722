"""Settings: what is refused at the start, and that .env.example tells the truth."""

import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

import keygen_service.settings
import main_service.settings
from tests.support import forking
from tests.support.engines import SECRET, START_SECONDS, Environment, full
from tests.support.settings import example_settings


def names(settings: type[BaseSettings]) -> set[str]:
    prefix = settings.model_config["env_prefix"]
    return {prefix + name.upper() for name in settings.model_fields}


def test_example_names_exactly_the_settings_there_are() -> None:
    real = names(main_service.settings.Settings) | names(keygen_service.settings.Settings)

    assert set(example_settings()) == real


def test_example_shows_each_default_as_it_is() -> None:
    for settings in (main_service.settings.Settings, keygen_service.settings.Settings):
        prefix = settings.model_config["env_prefix"]
        shown = {n.removeprefix(prefix).lower(): v for n, v in example_settings().items() if n.startswith(prefix)}
        if "secret" in shown:
            shown["secret"] = SECRET
        example = settings(**{name: value for name, value in shown.items() if value})
        for name, field in settings.model_fields.items():
            if not field.is_required():
                assert getattr(example, name) == field.get_default(), name


def test_every_setting_is_described() -> None:
    for settings in (main_service.settings.Settings, keygen_service.settings.Settings):
        for name, field in settings.model_fields.items():
            assert field.description, name
            if not field.is_required() and field.get_default() is not None:
                assert "Default" in field.description, name


def start(environment: Environment) -> "subprocess.CompletedProcess[str]":
    command = ("-m", "main_service", "serve", "--port", "0")
    return forking.run_text(*command, environment=full(environment), timeout=START_SECONDS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIN_SECRET", ""),
        ("MAIN_SECRET", "short"),
        ("MAIN_SECRET", "a" * 64),
        ("MAIN_SECRET", "change-me"),
        ("MAIN_PUBLIC_URL", "paste.example.org"),
        ("MAIN_PUBLIC_URL", "https://example.org/paste"),
        ("MAIN_PUBLIC_URL", "ftp://example.org"),
        ("MAIN_DATABASE_URL", "mysql://x"),
        ("MAIN_DATABASE_URL", "postgresql+asyncpg://user@host:port/name"),
        ("MAIN_REDIS_URL", "redis://host:port"),
        ("MAIN_BODY_STORE_URL", f"file://{__file__}"),
        ("MAIN_BODY_STORE_URL", f"file://{__file__}/texts"),
        ("MAIN_BODY_STORE_URL", "/var/texts"),
        ("MAIN_BODY_STORE_URL", "file://"),
        ("MAIN_MAX_TEXT_BYTES", "0"),
        ("MAIN_GUEST_MAX_LIFETIME", "-P1D"),
        ("MAIN_GUEST_MAX_LIFETIME", "P9D"),
        ("MAIN_REDIS_URL", "foo"),
        ("MAIN_LIMIT_CREATES", "120 per minute"),
        ("MAIN_LIMIT_CREATES", "5MiB/hour"),
        ("MAIN_LIMIT_EMAILS", "0/hour"),
        ("MAIN_LIMIT_BYTES", "9MiB/hour"),
        ("MAIN_PUBLIC_URL", "https://user@paste.example.org"),
    ],
)
def test_bad_setting_stops_the_start_with_a_sentence(environment: Environment, name: str, value: str) -> None:
    done = start(environment | {name: value})

    assert done.returncode == 1
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert not value or f"'{value}'" not in done.stderr


def test_secret_file_that_is_missing_stops_the_start_with_a_sentence(environment: Environment, tmp_path: Path) -> None:
    done = start(environment | {"MAIN_SECRET": "", "MAIN_SECRET_FILE": str(tmp_path / "none")})

    assert done.returncode == 1
    assert "MAIN_SECRET_FILE can't be read: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_secret_in_a_file_is_held_to_the_same_rules(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of nine \n")

    done = start(environment | {"MAIN_SECRET": "", "MAIN_SECRET_FILE": str(tmp_path / "secret")})

    assert done.returncode == 1
    assert "MAIN_SECRET: " in done.stderr
    assert "nine" not in done.stderr


def test_secret_is_never_printed(environment: Environment) -> None:
    settings = main_service.settings.Settings(
        **{n.removeprefix("MAIN_").lower(): v for n, v in environment.items() if n.startswith("MAIN_")}
    )

    assert SECRET not in repr(settings)
    assert isinstance(settings.secret, SecretStr)
