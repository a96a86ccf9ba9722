"""The renderer does its jobs whatever happens to its process, and no job keeps it for ever."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from main_service.monitoring.metrics import registry
from main_service.rendering.child import COMMAND, Limits
from main_service.rendering.client import SECOND_MEMORY_BYTES, SHORT_BYTES, Renderer
from main_service.rendering.errors import NotRenderedError
from main_service.rendering.job import Job, Rendered
from main_service.rendering.waiting_jobs import WaitingJobs
from tests.support import misbehaving_renderer
from tests.support.rendered import job, running_renderer
from tests.support.waiting import eventually_async

CODE = "if True:\n    pass\n"


@pytest.fixture
async def renderer() -> AsyncIterator[Renderer]:
    async with running_renderer() as running:
        yield running


def send(renderer: Renderer, number: signal.Signals) -> None:
    assert renderer.pid is not None
    os.kill(renderer.pid, number)


async def do(renderer: Renderer, wanted: Job) -> Rendered:
    return await renderer.render(wanted, patience=None)


async def refused(renderer: Renderer, wanted: Job) -> NotRenderedError:
    with pytest.raises(NotRenderedError) as caught:
        await do(renderer, wanted)
    return caught.value


async def other_pid(renderer: Renderer, pid: int | None) -> int:
    return await eventually_async(lambda: renderer.pid not in (None, pid) and renderer.pid, "another renderer")


async def test_text_comes_back_in_colours(renderer: Renderer) -> None:
    rendered = await do(renderer, job(CODE))

    assert b"<b class=k>if True</b>:\n" in rendered.content
    assert rendered.facts == {"lines": 2, "is_coloured": True}


async def test_page_is_joined_and_compressed(renderer: Renderer) -> None:
    import gzip

    import zstandard

    plain = (await do(renderer, job(CODE))).content
    for encoding, decompress in (("gzip", gzip.decompress), ("zstd", zstandard.decompress), ("identity", bytes)):
        wanted = Job(
            kind="code",
            text=CODE.encode(),
            subject=1,
            options={"syntax": "python"},
            before=b"<head>",
            after="\N{EURO SIGN}".encode(),
            encoding=encoding,  # type: ignore[arg-type]
        )
        made = decompress((await do(renderer, wanted)).content)  # type: ignore[operator]
        assert made == b"<head>" + plain + "\N{EURO SIGN}".encode()


def ends() -> float:
    """How many renderers have died or been killed so far."""
    return registry.get_sample_value("slipbin_render_ends_total") or 0


async def test_killed_between_two_jobs_it_starts_again_unasked(renderer: Renderer) -> None:
    pid, before = renderer.pid, ends()

    send(renderer, signal.SIGKILL)

    await other_pid(renderer, pid)
    assert ends() == before + 1
    assert (await do(renderer, job(CODE))).facts["lines"] == 2


async def test_killed_during_a_job_it_tries_that_once_more(renderer: Renderer) -> None:
    before = ends()
    for is_lasting in (False, True):
        send(renderer, signal.SIGSTOP)
        asked = asyncio.create_task(refused(renderer, job(CODE)))
        await eventually_async(lambda: renderer.is_working, "a job under way")
        send(renderer, signal.SIGKILL)
        assert (await asked).is_lasting is is_lasting
        assert (await do(renderer, job(f"{CODE}{is_lasting}"))).facts["lines"] == 3

    assert "before" in str(await refused(renderer, job(CODE)))
    assert ends() == before + 2


async def test_job_that_hangs_is_ended() -> None:
    async with running_renderer(limits=Limits(answer=0.2), command=misbehaving_renderer.COMMAND) as renderer:
        pid = renderer.pid

        await refused(renderer, job("", kind="odd", does="hang"))

        await other_pid(renderer, pid)
    # On a machine that has much to do, another job may well take longer than that.


async def test_job_that_takes_all_memory_or_fails_is_not_tried_again() -> None:
    async with running_renderer(command=misbehaving_renderer.COMMAND) as renderer:
        for does in ("take all memory", "raise"):
            wanted = job("", kind="odd", does=does)
            assert (await refused(renderer, wanted)).is_lasting
            assert "before" in str(await refused(renderer, wanted))
            assert (await do(renderer, job(f"{CODE}{does}"))).facts["lines"] == 3


async def test_renderer_that_ends_itself_or_prints_does_no_harm() -> None:
    async with running_renderer(command=misbehaving_renderer.COMMAND) as renderer:
        assert not (await refused(renderer, job("", kind="odd", does="exit"))).is_lasting
        assert (await do(renderer, job("", kind="odd", does="print"))).content == b"done"
        assert (await do(renderer, job(CODE))).facts["lines"] == 2


async def test_equal_jobs_are_done_once_and_no_reader_ends_them(renderer: Renderer) -> None:
    kept: list[Rendered] = []
    send(renderer, signal.SIGSTOP)
    readers = [asyncio.create_task(renderer.render(job(CODE), patience=None, keep=kept.append)) for _ in range(3)]
    await eventually_async(lambda: renderer.is_working, "a job under way")
    await asyncio.sleep(0)
    readers[0].cancel()
    with pytest.raises(NotRenderedError, match="too long"):
        await renderer.render(job(CODE), patience=0, keep=kept.append)
    send(renderer, signal.SIGCONT)

    first, second = await asyncio.gather(*readers[1:])
    assert first is second
    assert kept == [first] * 4


async def test_slow_job_of_which_nothing_is_kept_is_not_done_for_each_reader() -> None:
    kept: list[Rendered] = []
    async with running_renderer(slow_seconds=0) as renderer:
        for each, keep in ((job(CODE, subject="private"), None), (job(CODE, subject="shared"), kept.append)):
            for _ in range(2 if keep else 1):
                assert (await renderer.render(each, patience=60, keep=keep)).facts["lines"] == 2

        with pytest.raises(NotRenderedError, match="before") as caught:
            await renderer.render(job(CODE, subject="private"), patience=60)
        assert not caught.value.is_lasting
        # It may be that everyone may read it by now.
        await renderer.render(job(CODE, subject="private"), patience=60, keep=kept.append)
    assert len(kept) == 3


async def test_json_with_a_late_key_that_repeats_another_is_done_in_time(renderer: Renderer) -> None:
    keys = [*(f'"{number}":0' for number in range(30_000)), '"29999":1']

    assert (await do(renderer, job(f"{{{','.join(keys)}}}", kind="json"))).facts["repeated_key"] == "29999"


async def test_short_jobs_are_done_first(renderer: Renderer) -> None:
    done: list[int] = []
    send(renderer, signal.SIGSTOP)
    texts = [f"{'x = 1  # a remark' * length}\n" for length in (1, 1000, 100, 10)]

    def keep(text: bytes) -> Callable[[Rendered], None]:
        return lambda _: done.append(len(text))

    readers = []
    for each in map(job, texts):
        readers.append(asyncio.create_task(renderer.render(each, patience=None, keep=keep(each.text))))
        await eventually_async(lambda: renderer.is_working, "a job under way")
    send(renderer, signal.SIGCONT)
    await asyncio.gather(*readers)

    assert done == [len(texts[0]), len(texts[3]), len(texts[2]), len(texts[1])]


async def test_short_jobs_are_done_beside_a_long_one_and_nothing_else_is() -> None:
    async with running_renderer(hurry_seconds=0) as renderer:
        send(renderer, signal.SIGSTOP)
        # It is expected to take so long that no request would wait for it.
        long = asyncio.create_task(do(renderer, job("x = 1\n" * 2_500_000, kind="plain")))
        await eventually_async(lambda: renderer.is_working, "a job under way")
        other = asyncio.create_task(do(renderer, job("y" * (SHORT_BYTES + 1), kind="plain")))

        for number in range(2):
            rendered = await renderer.render(job(f"{CODE}{number}"), patience=25)
            assert rendered.facts["lines"] == 3

        second = psutil.Process(renderer.second_pid)
        assert second.pid != renderer.pid
        assert second.rlimit(psutil.RLIMIT_AS)[0] == SECOND_MEMORY_BYTES
        assert not long.done()
        assert not other.done()
        send(renderer, signal.SIGCONT)
        assert len(await asyncio.gather(long, other)) == 2


async def test_second_renderer_ends_when_it_is_idle_and_comes_again() -> None:
    async with running_renderer(hurry_seconds=0, idle_seconds=0.1) as renderer:
        # Other tests may have started some.
        before, ends_before = set(psutil.Process().children()), ends()
        for number in range(2):
            send(renderer, signal.SIGSTOP)
            long = asyncio.create_task(do(renderer, job(f"{number}\n" * SHORT_BYTES, kind="plain")))
            await eventually_async(lambda: renderer.is_working, "a job under way")
            assert (await do(renderer, job(f"{CODE}{number}"))).facts["lines"] == 3
            await eventually_async(lambda: renderer.second_pid is None, "the end of the second")
            await eventually_async(lambda: set(psutil.Process().children()) <= before, "a single renderer")
            send(renderer, signal.SIGCONT)
            await long
        assert ends() == ends_before


async def test_second_renderer_that_is_killed_does_no_harm() -> None:
    async with running_renderer(hurry_seconds=0) as renderer:
        send(renderer, signal.SIGSTOP)
        long = asyncio.create_task(do(renderer, job("1\n" * SHORT_BYTES, kind="plain")))
        await eventually_async(lambda: renderer.is_working, "a job under way")
        assert (await do(renderer, job(CODE))).facts["lines"] == 2
        assert renderer.second_pid is not None

        os.kill(renderer.second_pid, signal.SIGKILL)
        await eventually_async(lambda: renderer.second_pid is None, "the end of the second")

        assert (await do(renderer, job(f"{CODE}again"))).facts["lines"] == 3
        send(renderer, signal.SIGCONT)
        await long
        assert renderer.warning is None


async def test_what_has_no_room_is_refused_at_once_and_short_jobs_take_the_place_of_long_ones() -> None:
    async with running_renderer(waiting=WaitingJobs(most=2, most_bytes=10_000)) as renderer:
        send(renderer, signal.SIGSTOP)
        readers = []
        for text in ("under way", "a" * 4_000, "b" * 5_000):
            readers.append(asyncio.create_task(renderer.render(job(text), patience=None)))
            await eventually_async(lambda: renderer.is_working, "a job under way")
            await asyncio.sleep(0)

        for too_much in ("c" * 5_000, "c" * 20_000):
            with pytest.raises(NotRenderedError, match="waits"):
                await renderer.render(job(too_much), patience=None)
        readers.append(asyncio.create_task(renderer.render(job("short"), patience=None)))
        with pytest.raises(NotRenderedError, match="shorter"):
            await readers[2]
        send(renderer, signal.SIGCONT)
        assert len(await asyncio.gather(readers[0], readers[1], readers[3])) == 3


async def test_renderer_that_does_not_start_is_told_and_comes_back(tmp_path: Path) -> None:
    script, permission = tmp_path / "renderer", tmp_path / "permission"
    script.write_text(f'#!/bin/sh\ntest -e {permission} && exec {" ".join(COMMAND)} "$@"\n')
    script.chmod(0o755)
    renderer, before = Renderer(command=(str(script),)), ends()
    running = asyncio.create_task(renderer.run())
    try:
        await eventually_async(lambda: renderer.warning, "a warning")
        assert "start" in str(await refused(renderer, job(CODE)))
        assert ends() >= before + 2
        permission.touch()
        await eventually_async(lambda: renderer.warning is None, "no warning")
        assert (await do(renderer, job(CODE))).facts["lines"] == 2
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_child_knows_no_secret_and_holds_no_file_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIN_SECRET", "of the tests")
    async with running_renderer() as renderer:
        child = psutil.Process(renderer.pid)
        assert set(child.environ()) <= {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TMPDIR", "TZ"}
        assert child.open_files() == []
        assert child.net_connections() == []
        assert child.nice() == psutil.Process().nice() + 5
        assert child.rlimit(psutil.RLIMIT_AS)[0] < 2**30
        loaded = Path(f"/proc/{renderer.pid}/maps").read_text()
        assert "hiredis" not in loaded
        assert "pydantic" not in loaded


PARENT = """
import asyncio, sys
from main_service.rendering.child import Limits
from main_service.rendering.client import SECOND_MEMORY_BYTES, SHORT_BYTES, Renderer
from tests.support.rendered import job

async def main():
    renderer = Renderer(limits=Limits(processor=600, answer=600))
    running = asyncio.create_task(renderer.run())
    while renderer.pid is None:
        await asyncio.sleep(0.01)
    if sys.argv[1] == "busy":
        asked = asyncio.create_task(renderer.render(job("0." * 100_000, "make"), patience=None))
        while not renderer.is_working:
            await asyncio.sleep(0.01)
    print(renderer.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
async def test_renderer_ends_with_its_parent(state: str) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, state, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))

    parent.kill()
    await parent.wait()

    await eventually_async(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "its end")
