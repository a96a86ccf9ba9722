"""Secrets of the environment are known, so that no library's message can repeat them in the log."""

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from keygen_service import logs as keygen_logs
from main_service.monitoring import redaction as main_redaction
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


@pytest.mark.parametrize("first_line", [main_redaction.first_line, keygen_logs.first_line])
def test_what_a_library_quotes_is_hidden_and_what_it_says_is_not(first_line: Callable[[str], str]) -> None:
    said = """Couldn't take b'planted', "planted" or 'planted\\'s': can't go on with 'keygen_service.top_up'\nplanted"""

    assert first_line(said) == "Couldn't take b'…', '…' or '…': can't go on with 'keygen_service.top_up'"
