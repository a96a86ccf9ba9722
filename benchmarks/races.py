"""What is compared with what: three races, each a piece of work and those who do it."""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.contestants import Contestant, bare_fastapi, nginx, slipbin
from benchmarks.engines import engines
from benchmarks.entries import LINKS, PASTES, create_links, create_pastes, link_body
from benchmarks.load import Work
from benchmarks.processes import BenchmarkError
from keygen_service.pool import KeyPools, connect

READY_KEYS = 100_000

_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
BROWSER = {
    "User-Agent": _AGENT,
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.8,fr;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://forum.example.net/thread/4711",
    "Upgrade-Insecure-Requests": "1",
}
API_CLIENT = {"User-Agent": "example-client/1.0", "Accept": "application/json", "Content-Type": "application/json"}


@dataclass(frozen=True, kw_only=True)
class Race:
    """The first contestant is the measure of the others."""

    title: str
    work: Work
    contestants: Sequence[Contestant]
    expected_status: int
    prepare: Callable[[], object] = lambda: None
    """Done before each load."""


@contextmanager
def started_races(folder: Path, *, nginx_program: str, core: int, load_core: int) -> Iterator[list[Race]]:
    """All contestants, running and holding the same entries, each checked to answer as it should.

    Raises:
        BenchmarkError: one of them does not start or answers otherwise.
    """
    with ExitStack() as stack:
        settings = stack.enter_context(engines(folder, core=load_core))
        fill_keys(settings)
        product = stack.enter_context(slipbin(folder, settings=settings, core=core))
        try:
            links, texts = create_links(product.url), create_pastes(product.url)
        except httpx.HTTPError as error:
            raise BenchmarkError(f"Slipbin does not create the entries: {error}") from error
        for key, text in texts.items():
            path = folder / "files" / key / "raw"
            path.parent.mkdir(parents=True)
            path.write_text(text)
        (folder / "links.json").write_text(json.dumps(links))
        web_server = stack.enter_context(
            nginx(nginx_program, folder, files=folder / "files", target=next(iter(links.values())), core=core)
        )
        bare = stack.enter_context(bare_fastapi(folder, links=folder / "links.json", core=core))
        races = [
            Race(
                title=f"Redirect: GET /{{key}} → 302, {LINKS:,} keys",
                work=_gets(folder / "redirects", [f"/{key}" for key in links]),
                contestants=[web_server.redirect, bare, product],
                expected_status=302,
            ),
            Race(
                title=f"Raw paste: GET /{{key}}/raw → 200, {PASTES} texts of 10 KB",
                work=_gets(folder / "raws", [f"/{key}/raw" for key in texts]),
                contestants=[web_server.files, product],
                expected_status=200,
            ),
            Race(
                title="Create a link: POST /api/v1/links → 201",
                work=_posts(folder / "creates", "/api/v1/links", [link_body(number) for number in range(LINKS)]),
                contestants=[bare, product],
                expected_status=201,
                prepare=lambda: fill_keys(settings),
            ),
        ]
        for race in races:
            for contestant in race.contestants:
                check(race, contestant)
        check_same_text(races[1], texts)
        yield races


def fill_keys(settings: Mapping[str, str]) -> None:
    """What keygen_service does all the time, done when nothing is measured."""
    with connect(settings["KEYGEN_REDIS_URL"]) as redis:
        KeyPools(redis, pool_size=READY_KEYS).top_up()


def check(race: Race, contestant: Contestant) -> None:
    """One request as wrk will send it.

    Raises:
        BenchmarkError: it is not answered with the status of the race.
    """
    line = race.work.lines.read_text().splitlines()[0]
    is_get = race.work.method == "GET"
    path, content = (line, None) if is_get else (race.work.path, line)
    answer = httpx.request(
        race.work.method, contestant.url + path, headers=race.work.headers, content=content, trust_env=False
    )
    if answer.status_code != race.expected_status:
        raise BenchmarkError(
            f"{contestant.name} answers {race.work.method} {path} with {answer.status_code} instead of"
            f" {race.expected_status}: {answer.text[:500]}"
        )


def check_same_text(race: Race, texts: Mapping[str, str]) -> None:
    """Raises: BenchmarkError: a contestant serves another text than was pasted."""
    key, text = next(iter(texts.items()))
    for contestant in race.contestants:
        answer = httpx.get(f"{contestant.url}/{key}/raw", headers=race.work.headers, trust_env=False)
        if answer.text != text:
            raise BenchmarkError(f"{contestant.name} serves another text than was pasted")


def _gets(lines: Path, paths: list[str]) -> Work:
    # The same order in every run, but not the one they were made in.
    random.Random(7).shuffle(paths)
    lines.write_text("".join(f"{path}\n" for path in paths))
    return Work(method="GET", path="-", headers=BROWSER, lines=lines)


def _posts(lines: Path, path: str, bodies: Sequence[Mapping[str, object]]) -> Work:
    lines.write_text("".join(f"{json.dumps(body)}\n" for body in bodies))
    return Work(method="POST", path=path, headers=API_CLIENT, lines=lines)
