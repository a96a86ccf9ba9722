"""The benchmarks, as far as they need neither nginx nor wrk: those beside whom Slipbin runs, the counting, the page."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest
import redis

from benchmarks.contestants import bare_app
from benchmarks.kills import Kill, kills_section
from benchmarks.load import Answers, Sample
from benchmarks.memory import memory_of
from benchmarks.page import Goal, Section, page, table
from benchmarks.race_sections import failures
from benchmarks.upkeep import count_visits
from main_service.visit_stream.record import STREAM
from tests.support.engines import REPOSITORY, Environment

OWN_DATABASE = 10
"""The number of a database of Valkey that only these tests use."""
TARGET = "https://example.org/somewhere"


@pytest.fixture(scope="module")
def links_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bare") / "links.json"
    path.write_text(json.dumps({"known": TARGET}))
    return path


@pytest.mark.parametrize("module", ["bare_asgi", "bare_app"])
def test_bare_app_follows_a_link_as_slipbin_does(links_file: Path, module: str) -> None:
    core = min(os.sched_getaffinity(0))
    with bare_app("bare", module, folder=links_file.parent, links=links_file, core=core) as contestant:
        answer = httpx.get(f"{contestant.url}/known", trust_env=False, timeout=60)
        assert (answer.status_code, answer.headers["location"]) == (302, TARGET)
        assert answer.headers["cache-control"] == "private, no-store"
        assert "server" not in answer.headers
        assert httpx.get(f"{contestant.url}/unknown", trust_env=False, timeout=60).status_code == 404


def test_bare_fastapi_answers_a_create_in_the_form_of_slipbin(links_file: Path, client: httpx.Client) -> None:
    core = min(os.sched_getaffinity(0))
    body = {"original_url": TARGET, "title": "Somewhere", "expires_in": 86_400}
    with bare_app("bare", "bare_app", folder=links_file.parent, links=links_file, core=core) as contestant:
        bare = httpx.post(f"{contestant.url}/api/v1/links", json=body, trust_env=False, timeout=60)
    own = client.post("/api/v1/links", json=body)
    assert bare.status_code == own.status_code == 201
    assert bare.json().keys() <= own.json().keys()


@pytest.fixture
def stream(environment: Environment) -> Iterator[tuple[Environment, "redis.Redis[bytes]"]]:
    """A database of Redis of its own, to which no other test adds visits."""
    url = f"{environment['MAIN_REDIS_URL'].partition('?')[0]}?db={OWN_DATABASE}"
    with redis.Redis.from_url(url) as connection:
        yield environment | {"MAIN_REDIS_URL": url}, connection
        connection.delete(STREAM)


def test_visits_of_all_records_are_counted_and_those_of_a_repeated_one_once(
    stream: tuple[Environment, "redis.Redis[bytes]"],
) -> None:
    settings, valkey = stream
    assert count_visits(settings) == 0
    again = str(uuid4())
    with valkey.pipeline() as pipe:
        for batch_id in [again, again, *(str(uuid4()) for _ in range(1_500))]:
            pipe.xadd(STREAM, {"id": batch_id, "f": "1", "v": json.dumps([[1, "key"], [2, "key"]])})
        pipe.execute()
    assert count_visits(settings) == 2 * 1_501


def test_answer_without_its_visit_is_lost_whatever_other_kills_have_too_much() -> None:
    lost = kills_section([Kill(answered=10, recorded=30), Kill(answered=30, recorded=27)])
    assert [goal.cells()[1:] for goal in lost.goals] == [["3", "≤ 0", "**missed**"]]
    none = kills_section([Kill(answered=10, recorded=30), Kill(answered=30, recorded=30)])
    assert none.goals[0].verdict == "reached"
    assert kills_section([Kill(answered=0, recorded=0)]).invalid == ["Kill 1 answered no request."]


def test_page_judges_each_goal_by_its_figure_and_says_what_is_invalid() -> None:
    def goal(figure: float, *, is_most: bool = False, is_valid: bool = True) -> Goal:
        return Goal(work="work", figure=figure, bound=0.5, is_most=is_most, form="{:.2f} × nginx", is_valid=is_valid)

    goals = [goal(0.5), goal(0.499), goal(0.5, is_most=True), goal(0.501, is_most=True), goal(0.9, is_valid=False)]
    assert [each.verdict for each in goals] == ["reached", "**missed**", "reached", "**missed**", "**invalid**"]
    section = Section(title="Redirect", lines=table(["", "req/s"], [["nginx", "9"]]), goals=goals[:1], invalid=["Bad."])
    text = page("# Benchmarks", ["a machine"], [section])
    assert "| work | 0.50 × nginx | ≥ 0.50 × nginx | reached |" in text
    assert text.endswith("## Redirect\n\n|  | req/s |\n| --- | --: |\n| nginx | 9 |\n\n**INVALID:** Bad.\n")


def test_failed_requests_of_any_round_are_failures() -> None:
    def sample(**kinds: int) -> Sample:
        return Sample(Answers(requests=9, seconds=1, p50_ms=1, p99_ms=1, longest_ms=1, failures=kinds), cpu_seconds=1)

    assert failures([sample(), sample()]) == {}
    assert failures([sample(timeouts=1), sample(), sample(timeouts=2)]) == {"timeouts": 3}


def test_memory_of_a_process_is_told_in_megabytes() -> None:
    memory = memory_of(os.getpid())
    assert memory.rss == pytest.approx(psutil.Process().memory_info().rss / 1e6, rel=0.2)
    assert 0 < memory.pss <= memory.rss
    assert memory.peak >= 0.9 * memory.rss


def test_machine_without_wrk_is_told_so_and_gets_no_page(tmp_path: Path) -> None:
    output = tmp_path / "page.md"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--output", str(output)],
        env={"PATH": str(tmp_path)}, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("The benchmarks need ")
    assert "wrk, which this machine does not have." in done.stderr
    assert not output.exists()
