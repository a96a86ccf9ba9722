"""`python -m main_service doctor` on engines that are away or hang, and on clocks that go wrong."""

import pytest

from main_service.doctor.clock import compare_clocks
from main_service.doctor.findings import Level, Report
from tests.main_service.doctor.examined import PASSWORD, Examined, examine
from tests.support.engines import Environment
from tests.support.gates import Gated
from tests.support.ports import reserved_port
from tests.support.waiting import eventually


def test_engines_that_are_away(broken: Environment) -> None:
    with reserved_port() as port:
        away = {
            "MAIN_DATABASE_URL": f"postgresql+asyncpg://slipbin:{PASSWORD}@127.0.0.1:{port}/slipbin",
            "MAIN_REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:{port}/0",
            "MAIN_BROKER_URL": f"redis://:{PASSWORD}@127.0.0.1:{port}/1",
            "MAIN_BODY_STORE_URL": "s3://texts/bodies",
            "MAIN_BODY_STORE_ENDPOINT": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
            "MAIN_SMTP_URL": f"smtp://slip:{PASSWORD}@127.0.0.1:{port}",
            "MAIN_PUBLIC_URL": f"http://127.0.0.1:{port}",
        }
        found = examine(broken | away)

    for subject in ("database", "Redis", "workers", "text store", "mail", "public URL"):
        assert f"Nothing listens at 127.0.0.1:{port}." in found.wrong(subject), (subject, found.said)
    assert "can't be asked" in found.of("schema", "unknown")
    assert "--web-url" in found.of("web", "unknown")
    assert "no web process answers" in found.of("proxies", "unknown")
    assert PASSWORD not in found.said


def test_engines_that_hang_are_named_and_hold_nothing_up(broken: Environment, gated: Gated) -> None:
    def examine_the_rest() -> Examined | None:
        """None: the text store was late, too, as it may be on a busy machine."""
        found = examine(broken | gated.ways, hangs=True)
        return found if found.of("text store", "ok") else None

    with gated.postgres.hanging(), gated.valkey.hanging():
        found = eventually(examine_the_rest, "a text store that is well beside engines that hang")

    for subject in ("database", "Redis", "workers"):
        told = found.wrong(subject)
        assert "does not answer in time" in told or "no answer within" in told, (subject, found.said)


def test_missing_workers(broken: Environment, environment: Environment) -> None:
    """The broker answers, and no worker takes tasks from it."""
    own = {"MAIN_BROKER_URL": environment["MAIN_BROKER_URL"].replace("=1", "=5"), "SLIPBIN_LAUNCHER": "1"}
    found = examine(broken | own)

    told = found.problem("workers")
    assert "No worker takes tasks from the queue main_service:" in told
    assert "No worker takes tasks from the queue main_service.slow:" in told
    assert "the log of main-worker says which. Restart it: `python -m launcher restart main-worker`." in told


@pytest.mark.parametrize(
    ("ahead", "level", "told"),
    [
        (1.5, Level.OK, "agrees"),
        (-3, Level.WARNING, "3 s behind"),
        (29, Level.WARNING, "29 s ahead of"),
        (-31, Level.PROBLEM, "31 s behind"),
    ],
)
def test_clock_that_goes_wrong(ahead: float, level: Level, told: str) -> None:
    report = Report("database")

    compare_clocks(ahead, of="PostgreSQL", report=report)

    [finding] = report.findings
    assert (finding.level, told in finding.sentence) == (level, True)
