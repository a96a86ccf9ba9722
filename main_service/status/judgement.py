"""Says what is wrong in an overview, and what to do. The limits are those of the alerts."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from main_service.background import Queue
from main_service.doctor.commands import restart, restart_web, typed
from main_service.doctor.findings import Finding, Level
from main_service.doctor.proxies import findings_of
from main_service.doctor.web_processes import PARTS, judge_web, other_settings, tell_other_settings
from main_service.keys.pool import Pool
from main_service.monitoring import scraped
from main_service.settings import Settings
from main_service.status.emails import judge_emails
from main_service.status.overview import Overview
from main_service.status.task_states import KEYGEN_QUEUE, PATIENCE, TaskState
from main_service.status.words import age_in_words, bytes_in_words
from main_service.task_runs import Outcome

OLD_VISITS = timedelta(minutes=2)
LOW_POOL = 0.2
LONG_QUEUE = 100
LITTLE_DISK, VERY_LITTLE_DISK = 0.1, 0.03
CERTIFICATE_WARNING = timedelta(days=14)
FEW_FILES = 1000
_PROGRAMS = {
    Queue.QUICK.value: ("main-beat", "main-worker"),
    Queue.SLOW.value: ("main-beat", "main-slow"),
    KEYGEN_QUEUE: ("keygen-beat", "keygen-worker"),
}
"""The beat that sends the tasks of each queue, and the worker that runs them."""


def judge(overview: Overview, settings: Settings) -> list[Finding]:
    """What is wrong, the most urgent first."""
    found = [
        *_judge_parts(overview),
        *_judge_web(overview, settings),
        *_judge_machine(overview, settings),
        *judge_work(overview, settings, causes=f"{typed('doctor')} says why."),
        *_judge_schema(overview),
        *judge_emails(overview, settings),
    ]
    return sorted(found, key=lambda each: each.level is not Level.PROBLEM)


def judge_work(overview: Overview, settings: Settings, *, causes: str) -> list[Finding]:
    """What is wrong with tasks and what they do: visits, keys, queues. `causes`: where to look for those."""
    return [
        *_judge_tasks(overview, causes),
        *_judge_workers(overview, settings),
        *_judge_visits(overview, causes),
        *_judge_keys(overview),
    ]


def _problem(subject: str, sentence: str, advice: str) -> Finding:
    return Finding(subject, Level.PROBLEM, sentence, advice)


def _warning(subject: str, sentence: str, advice: str) -> Finding:
    return Finding(subject, Level.WARNING, sentence, advice)


def _judge_parts(overview: Overview) -> Iterator[Finding]:
    for part, name in PARTS.items():
        if not overview.value(scraped.PART_UP, part):
            yield _problem(
                part, f"{name[0].upper()}{name[1:]} does not answer, or refuses.", f"{typed('doctor')} says why."
            )
    if overview.web_seconds is None and overview.web_hangs:
        yield _problem(
            "web",
            f"No web process answers at {overview.web_url}, where connections are taken: they hang.",
            f"{restart_web()}. Their log may say why.",
        )
    elif overview.web_seconds is None:
        yield _problem(
            "web",
            f"No web process answers at {overview.web_url}.",
            "Start it, or see its log. If it listens elsewhere, name it with --web-url http://HOST:PORT.",
        )


def _judge_web(overview: Overview, settings: Settings) -> Iterator[Finding]:
    """What web processes say, but for parts that are away for us, too."""
    away = [part for part in overview.web.away if overview.value(scraped.PART_UP, part)]
    yield from judge_web(replace(overview.web, away=away), settings)
    yield from findings_of(overview.web.warnings, subject="web")


def _judge_workers(overview: Overview, settings: Settings) -> Iterator[Finding]:
    """Whether workers were started with other settings, by what the newest run on each queue says."""
    others: dict[tuple[str, ...], list[str]] = {}
    for queue, (_, worker) in _PROGRAMS.items():
        runs = [task.run for task in overview.tasks or () if task.queue == queue and task.run is not None]
        newest = max(runs, key=lambda run: run.began_at or 0, default=None)
        if newest is not None and newest.settings is not None:
            others.setdefault(tuple(other_settings([newest.settings], settings)), []).append(worker)
    for names, workers in others.items():
        if names:
            who = f"{' and '.join(workers)} {'were' if len(workers) > 1 else 'was'}"
            yield tell_other_settings(who, names, subject="workers")


def _judge_tasks(overview: Overview, causes: str) -> Iterator[Finding]:
    if overview.tasks is None:
        return
    for queue, (beat, worker) in _PROGRAMS.items():
        tasks = [task for task in overview.tasks if task.queue == queue]
        begun = max((task.run.began_at or 0 for task in tasks if task.run is not None), default=0)
        overdue = []
        for task in tasks:
            if task.is_overdue:
                if _is_held_up(task, newest=begun):
                    yield _tell_held_up(task, overview.at, worker)
                else:
                    overdue.append(task)
        if overdue:
            waiting = overview.keygen_queue if queue == KEYGEN_QUEUE else overview.value(scraped.QUEUE_LENGTH, queue)
            advice = _who_is_silent(waiting, beat, worker)
            if not overview.value(scraped.PART_UP, "redis"):
                advice = "First see to Redis: without it no task is sent, and no run is noted."
            elif overdue[0].last_sign is None:
                advice = f"If Redis has just been emptied, wait a minute. If not: {advice}"
            yield _problem(queue, _say_overdue(overdue[0], len(overdue)), advice)
        for task in tasks:
            if task.run is not None and task.run.outcome is Outcome.FAILED:
                ago = age_in_words(overview.at - (task.run.ended_at or overview.at))
                yield _problem(
                    task.name,
                    f"The task {task.name} failed with {task.run.error} {ago} ago.",
                    f"The log of {worker} has the traceback. It is tried again when it is due.",
                )
    put_off = [task for task in overview.tasks if task.run is not None and task.run.outcome is Outcome.PUT_OFF]
    if put_off:
        yield _warning(
            "tasks",
            f"{', '.join(task.name for task in put_off)} put off, as a part was away ({put_off[0].run.error}).",  # type: ignore[union-attr]
            f"They go on by themselves once it is back. {causes}",
        )


def _is_held_up(task: TaskState, *, newest: float) -> bool:
    """Whether a task still runs while others of its queue are begun. `newest`: when the last one was."""
    began = task.run.began_at if task.run is not None and task.run.is_running else None
    return began is not None and newest - began > PATIENCE.total_seconds() / 2


def _tell_held_up(task: TaskState, now: float, worker: str) -> Finding:
    how_long = age_in_words(now - (task.last_sign or now))
    return _warning(
        task.name,
        f"The task {task.name} began {how_long} ago and has not ended, while others run.",
        "It has much to do, waits for something such as a lock in PostgreSQL, or was killed. A statement ends by "
        f"itself after 2 min, and the log of {worker} names it. {restart(worker)} if it does not go on.",
    )


def _say_overdue(task: TaskState, count: int) -> str:
    how_often = f"every {age_in_words(task.every.total_seconds())}" if task.every else "every day"
    others = f"; the same holds for {count - 1} more of its queue" if count > 1 else ""
    if task.last_sign is None:
        return f"No run of the task {task.name} is known, and it should run {how_often}{others}."
    ago = age_in_words(task.now - task.last_sign)
    return f"The task {task.name} has not run for {ago} and should {how_often}{others}."


def _who_is_silent(waiting: float | None, beat: str, worker: str) -> str:
    if waiting is None:
        return f"See whether {beat} and {worker} run."
    if waiting:
        return (
            f"{waiting:.0f} messages wait in its queue: is {worker} running, or does it hang? See its log. "
            f"{restart(worker)}."
        )
    return (
        f"Nothing waits in its queue: is {beat} running, or does it hang? {restart(beat)}; what was missed is made up "
        "for."
    )


def _judge_visits(overview: Overview, causes: str) -> Iterator[Finding]:
    age, length = overview.value(scraped.STREAM_AGE), overview.value(scraped.STREAM_LENGTH)
    if age is not None and age > OLD_VISITS.total_seconds():
        yield _problem(
            "visits",
            f"Visits have waited in Redis for {age_in_words(age)} ({length or 0:.0f} records).",
            "The task ingest_visits brings them to PostgreSQL: see above whether it runs, and the log of main-worker. "
            "None is lost as long as Redis has memory.",
        )
    if dead := overview.value(scraped.DEAD_LETTERS):
        yield _warning(
            "visits",
            f"{dead:.0f} records of visits could not be read or stored.",
            "See docs/operating.md, Visits: dead letters can be looked at and put back.",
        )
    if waiting := overview.visits.get("slipbin_visits_waiting"):
        yield _warning("visits", f"{waiting:.0f} visits wait in web processes: Redis is down or full.", causes)


def _judge_keys(overview: Overview) -> Iterator[Finding]:
    for pool in Pool:
        kind = pool.name.lower()
        ready, capacity = overview.value(scraped.POOL_KEYS, kind), overview.value(scraped.POOL_CAPACITY, kind)
        if ready is not None and (ready == 0 or (capacity and ready < LOW_POOL * capacity)):
            yield _problem(
                "keys",
                f"The pool of keys for {kind}s has {ready:.0f} of {capacity or 0:.0f} keys.",
                "keygen-worker fills it every 10 s: see whether it and keygen-beat run, and its log. "
                "Web processes draw keys themselves meanwhile.",
            )
    if overview.value(scraped.FILTER_COMPLETE) == 0:
        yield _warning(
            "filter",
            "The filter of unknown keys is not complete, so PostgreSQL is asked for them.",
            "main-slow completes it within a minute after a start of Redis; if not, see its log.",
        )
    for queue in Queue:
        length = overview.value(scraped.QUEUE_LENGTH, queue.value)
        if length is not None and length > LONG_QUEUE:
            worker = _PROGRAMS[queue.value][1]
            yield _problem(
                queue.value,
                f"{length:.0f} messages wait in the queue {queue.value}.",
                f"Is {worker} running? See its log.",
            )


def _judge_schema(overview: Overview) -> Iterator[Finding]:
    revision, expected = next(iter(overview.answers.labels(scraped.SCHEMA)), (None, None))
    if revision != expected:
        yield _problem(
            "schema",
            f"The database has the migration {revision}, and this release needs {expected}.",
            f"{typed('doctor')} says why.",
        )


def _judge_machine(overview: Overview, settings: Settings) -> Iterator[Finding]:
    for place, free, size in disks(overview):
        floor = settings.body_store_min_free_bytes if place == "texts" else 0
        if free < floor:
            yield _problem(
                "disk",
                f"The disk of texts has {bytes_in_words(free)} left, less than MAIN_BODY_STORE_MIN_FREE_BYTES: "
                "new texts are refused with 507.",
                "Make room on it; it continues by itself.",
            )
        elif size and free < LITTLE_DISK * size:
            tell = _problem if free < VERY_LITTLE_DISK * size else _warning
            yield tell(
                "disk",
                f"The disk of {place} is nearly full: {bytes_in_words(free)} of {bytes_in_words(size)} are left.",
                "Make room: engines stop taking writes when their disk is full.",
            )
        files, most = overview.value(scraped.DISK_FILES_FREE, place), overview.value(scraped.DISK_FILES, place)
        if files is not None and most and (files < FEW_FILES or files < VERY_LITTLE_DISK * most):
            yield _problem(
                "disk",
                f"The disk of {place} can hold only {files:,.0f} more files (it has no inodes left), however much room "
                "it has.",
                "Delete files there (`df -i` and `du --inodes -x -d 2` say where they are); it continues by itself.",
            )
    end = overview.value(scraped.CERTIFICATE)
    if end is not None and end - overview.at < CERTIFICATE_WARNING.total_seconds():
        left = end - overview.at
        if left < 0:
            yield _problem("certificate", "The certificate of MAIN_PUBLIC_URL has expired.", _RENEW)
        else:
            yield _warning("certificate", f"The certificate of MAIN_PUBLIC_URL ends in {age_in_words(left)}.", _RENEW)


_RENEW = "Renew it, have the gateway load it (docs/operating.md), and see why it was not renewed by itself."


def disks(overview: Overview) -> Iterable[tuple[str, float, float]]:
    """Place, free bytes and size of each disk."""
    for (place,) in overview.answers.labels(scraped.DISK_FREE):
        yield place, overview.value(scraped.DISK_FREE, place) or 0, overview.value(scraped.DISK_SIZE, place) or 0
