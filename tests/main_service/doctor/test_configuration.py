"""`python -m main_service doctor` on settings that are invalid, doubtful or useless."""

from pathlib import Path

from tests.main_service.doctor.examined import PASSWORD, examine
from tests.support import forking
from tests.support.engines import START_SECONDS, Environment, full


def test_all_invalid_settings_are_told_at_once_and_the_rest_is_checked(broken: Environment) -> None:
    wrong = {
        "MAIN_SECRET": "short",
        "MAIN_REDIS_URL": f"http://:{PASSWORD}@valkey",
        "MAIN_PUBLIC_URL": "",
        "MAIN_GUEST_LIFETIME": "P1000D",
        "MAIN_TRUSTED_PROXIES": "10.0.0.300",
        "MAIN_TRUSTED_PROXY": "10.0.0.1",
    }
    found = examine(broken | wrong)

    assert found.status == 1
    told = found.problem("settings")
    for name in ("MAIN_SECRET", "MAIN_REDIS_URL", "MAIN_TRUSTED_PROXIES"):
        assert f"{name} is invalid" in told
    assert "MAIN_PUBLIC_URL is not set" in told
    assert "Did you mean MAIN_TRUSTED_PROXIES?" in found.of("settings", "warning")
    assert "MAIN_REDIS_URL is invalid" in found.of("Redis", "unknown")
    assert "PostgreSQL" in found.of("database", "ok")
    assert PASSWORD not in found.said


def test_rule_about_two_settings_is_told(broken: Environment) -> None:
    found = examine(broken | {"MAIN_GUEST_LIFETIME": "P1000D"})

    assert "MAIN_GUEST_LIFETIME must not be longer than MAIN_GUEST_MAX_LIFETIME" in found.problem("settings")
    assert "PostgreSQL" in found.of("database", "ok")


def test_secret_that_someone_typed_is_doubted(broken: Environment) -> None:
    for typed in ("correct-horse-secret-battery-staple", "abcdefghij" * 4):
        assert "openssl rand -hex 32" in examine(broken | {"MAIN_SECRET": typed}).of("secret", "warning")


def test_file_of_countries_that_is_none(broken: Environment, tmp_path: Path) -> None:
    wrong = tmp_path / "countries.mmdb"
    wrong.write_text("no database")

    for path, told in ((wrong, "no database in MaxMind's format"), (tmp_path / "missing", "No such file")):
        assert told in examine(broken | {"MAIN_GEOIP_DB": str(path)}).problem("countries")


def test_text_for_people_has_the_same_findings(broken: Environment) -> None:
    environment = full(broken | {"MAIN_BODY_STORE_URL": "file:///nowhere/texts", "COLUMNS": "80"})
    done = forking.run("-m", "main_service", "doctor", environment=environment, timeout=START_SECONDS)

    said = done.stdout.decode()
    assert done.returncode == 1
    assert "PROBLEM  text store  The folder of texts /nowhere/texts is missing." in said
    assert "-> If it is on a disk of its own, mount that." in said
    assert "problem" in said.splitlines()[-1]
    assert max(len(line) for line in said.splitlines()) <= 80
