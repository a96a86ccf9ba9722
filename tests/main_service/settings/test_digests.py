"""Digests of settings: they differ where settings do, and tell nothing of them."""

import pytest
from pydantic import SecretStr

from main_service.settings import Settings
from main_service.settings_digests import decides_what_works, differing, digest_settings

SECRET = "Kq3vX9tLw2Zr8bNf5Ym7Hc4Pd6Js1Ga0"


def settings(*, secret: str = SECRET, **more: object) -> Settings:
    given: dict[str, object] = {
        "secret": SecretStr(secret),
        "public_url": "https://paste.example.org",
        "database_url": "postgresql+asyncpg://slipbin:planted-password@host/slipbin",
        "redis_url": "redis://host/0",
        "broker_url": "redis://host/1",
        "body_store_url": "s3://texts",
        **more,
    }
    return Settings(**given)  # type: ignore[arg-type]


def test_what_differs_is_named_and_nothing_else() -> None:
    ours = digest_settings(settings(leaderboard="off", redis_url="redis://host/5"))

    assert differing(ours, digest_settings(settings(leaderboard="off", redis_url="redis://host/5"))) == []
    assert differing(ours, digest_settings(settings())) == ["MAIN_LEADERBOARD", "MAIN_REDIS_URL"]
    # A default that is written down is the default.
    assert differing(digest_settings(settings(leaderboard="everyone")), digest_settings(settings())) == []


def test_with_another_secret_nothing_is_said_of_the_rest() -> None:
    ours, theirs = digest_settings(settings()), digest_settings(settings(secret=SECRET[::-1], leaderboard="off"))

    assert differing(ours, theirs) == ["MAIN_SECRET"]


def test_libraries_settings_count_and_names_of_processes_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_settings(settings())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-access-key")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "one-of-them")
    after = digest_settings(settings(metrics_port=9464))

    assert differing(before, after) == ["AWS_SECRET_ACCESS_KEY"]
    assert not any(word in str(after) for word in ("planted", SECRET))


@pytest.mark.parametrize(("name", "is_so"), [("AWS_PROFILE", True), ("MAIN_SECRET", True), ("MAIN_LEADERBOARD", False)])
def test_what_may_break_a_process_is_told_from_what_may_not(name: str, is_so: bool) -> None:
    assert decides_what_works(name) == is_so
