"""Secrets of the environment are known, so that no library's message can repeat them in the log."""

import pytest
from pydantic import SecretStr

from main_service.monitoring.redaction import Redaction, known_secrets
from main_service.settings import Settings

SETTINGS = Settings(
    secret=SecretStr("Kq3vX9tLw2Zr8bNf5Ym7Hc4Pd6Js1Ga0"),
    public_url="https://paste.example.org",
    database_url="postgresql+asyncpg://slipbin:planted%40pg@host/slipbin",
    redis_url="redis://host/0",
    broker_url="redis://host/1",
    body_store_url="s3://texts",
)


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"])
def test_what_a_collector_asks_for_is_a_secret(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x-key=planted one,authorization=Bearer%20planted%2Ftwo")
    redaction = Redaction(known_secrets(SETTINGS))

    for said in ("planted one", "Bearer planted/two", "planted/two", "Bearer%20planted%2Ftwo"):
        assert "planted" not in redaction.redact(f"the header was {said} and was refused"), said


def test_password_of_a_url_is_known_in_both_forms() -> None:
    redaction = Redaction(known_secrets(SETTINGS))

    assert redaction.redact("planted%40pg planted@pg") == "… …"
