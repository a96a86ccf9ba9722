"""Nothing that the doctor prints repeats a secret or steers a terminal, whatever a library's message says."""

import pytest

from main_service.doctor.redaction import Redaction


def test_secrets_of_the_environment_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIN_DATABASE_URL", "postgresql+asyncpg://slipbin:p%40ss-word@host/slipbin")
    monkeypatch.setenv("MAIN_REDIS_URL", "redis://host/0?password=other-word")
    monkeypatch.setenv("MAIN_METRICS_TOKEN", "a-token-for-metrics")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "an-access-key")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=of-the-collector")
    redaction = Redaction("the-secret-itself")

    said = "p%40ss-word p@ss-word other-word a-token-for-metrics an-access-key the-secret-itself of-the-collector host"

    assert redaction.clean(said) == "*** *** *** *** *** *** *** host"


def test_signs_that_steer_a_terminal_are_replaced() -> None:
    assert Redaction().clean("moved to \033[2Jhttps://é\r\n") == "moved to �[2Jhttps://é�\n"
