"""The races of a run: what is compared with what."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.contestants import BARE_FASTAPI, BARE_UVICORN, bare_app, gateway, nginx, slipbin
from benchmarks.entries import (
    LINKS,
    PASTES,
    READS_OF_A_LINK,
    READS_OF_A_PAGE,
    READS_OF_A_TEXT,
    create_links,
    create_pastes,
    link_body,
    read_first,
    read_page,
)
from benchmarks.machine import Machine
from benchmarks.memory import memory_of
from benchmarks.race import Race, RaceGoal, Races
from benchmarks.upkeep import keep_up
from benchmarks.work import BROWSER, WITHOUT_COMPRESSION, gets, posts, shuffled

OTHER_CONNECTIONS = (1, 8, 256)
VISITORS = 20_000
"""Behind the gateway; so many that none comes again soon."""


@contextmanager
def started_races(machine: Machine, folder: Path, settings: Mapping[str, str]) -> Iterator[Races]:
    """All contestants, running and holding the same entries. `settings`: of Slipbin's engines.

    Raises:
        BenchmarkError: one of them does not start.
    """
    with ExitStack() as stack:
        keep_up(settings)
        product = stack.enter_context(slipbin(folder, settings=settings, core=machine.core))
        idle_memory = memory_of(product.child.pid)
        product = replace(product, prepare=lambda: keep_up(settings))
        synced = replace(
            product,
            name=f"{product.name}, `appendfsync always`",
            prepare=lambda: keep_up(settings, appendfsync="always"),
        )
        links, texts = create_links(product.url), create_pastes(product.url)
        redirects, raws = [f"/{key}" for key in links], [f"/{key}/raw" for key in texts]
        pages = [f"/{key}" for key in texts]
        read_first(product.url, redirects, headers=BROWSER, status=302, times=READS_OF_A_LINK)
        read_first(product.url, raws, headers=WITHOUT_COMPRESSION, status=200, times=READS_OF_A_TEXT)
        read_first(product.url, pages, headers=BROWSER, status=200, times=READS_OF_A_PAGE)
        (folder / "pages").mkdir()
        page_encoding = "identity"
        for key in texts:
            page_encoding, page = read_page(product.url, key, headers=BROWSER)
            (folder / "pages" / key).write_bytes(page)
        for key, text in texts.items():
            path = folder / "files" / key / "raw"
            path.parent.mkdir(parents=True)
            path.write_text(text)
        known = folder / "links.json"
        known.write_text(json.dumps(links))
        target = next(iter(links.values()))
        server = stack.enter_context(
            nginx(
                machine.nginx,
                folder,
                files=folder / "files",
                pages=folder / "pages",
                page_encoding=page_encoding,
                target=target,
                core=machine.core,
            )
        )
        uvicorn, fastapi = (
            stack.enter_context(bare_app(name, module, folder=folder, links=known, core=machine.core))
            for name, module in ((BARE_UVICORN, "bare_asgi"), (BARE_FASTAPI, "bare_app"))
        )
        behind_nginx = stack.enter_context(gateway(machine.nginx, folder, product=product, core=machine.core))
        redirect = Race(
            title=f"Redirect: `GET /{{key}}` → 302, {LINKS:,} keys",
            work=gets(folder / "redirects", shuffled(redirects)),
            contestants=[server.redirect, uvicorn, fastapi, product, synced],
            cpu_limit=uvicorn.name,
            expected_status=302,
            goals=[
                RaceGoal(work="redirect, its visit recorded before the answer", bound=0.42, note=" (0.50: the prize)"),
                RaceGoal(work="the same, CPU per request", bound=0.85, is_cpu=True),
            ],
        )
        yield Races(
            redirect=redirect,
            raw=Race(
                title=f"Raw paste: `GET /{{key}}/raw` → 200, {PASTES} texts of 10 KB",
                work=gets(folder / "raws", shuffled(raws), headers=WITHOUT_COMPRESSION),
                contestants=[server.files, product],
                cpu_limit=server.files.name,
                expected_status=200,
                goals=[RaceGoal(work="raw paste of 10 KB, its visit recorded before the answer", bound=0.5)],
            ),
            page=Race(
                title=f"Paste page: `GET /{{key}}` → 200, {PASTES} highlighted pages of 10 KB of Python",
                work=gets(folder / "page_paths", shuffled(pages)),
                contestants=[server.pages, product],
                cpu_limit=server.pages.name,
                expected_status=200,
                goals=[
                    RaceGoal(
                        work="highlighted page of a 10 KB paste, its visit recorded before the answer",
                        bound=0.4,
                        note=" (0.50: the prize)",
                    )
                ],
            ),
            create=Race(
                title="Create a link: `POST /api/v1/links` → 201",
                work=posts(folder / "creates", "/api/v1/links", [link_body(number) for number in range(LINKS)]),
                contestants=[fastapi, product],
                cpu_limit=fastapi.name,
                expected_status=201,
                goals=[RaceGoal(work="create a link by the API, committed", bound=0.6)],
            ),
            gateway=Race(
                title=f"Redirect behind a gateway, {VISITORS:,} visitors",
                work=replace(redirect.work, visitors=VISITORS),
                contestants=[product, behind_nginx],
                cpu_limit=product.name,
                expected_status=302,
                goals=[
                    RaceGoal(
                        work="redirect behind nginx, CPU per request of the web process",
                        contestant=behind_nginx.name,
                        bound=1.25,
                        is_cpu=True,
                        note=", asked directly",
                    )
                ],
            ),
            by_connections=[
                replace(
                    redirect,
                    title=f"Redirect, {connections} connections",
                    contestants=[server.redirect, uvicorn, product],
                    connections=connections,
                    goals=(),
                )
                for connections in OTHER_CONNECTIONS
            ],
            product=product,
            idle_memory=idle_memory,
            links=links,
            texts=texts,
        )
