"""Gathers what there is to know, from all engines at once, each within two seconds."""

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from redis.exceptions import RedisError

from main_service.background import import_tasks, scheduled_tasks
from main_service.doctor.examination import in_thread
from main_service.doctor.public_url import fetch
from main_service.doctor.web_processes import WebAnswers, WebProcesses
from main_service.engines.redis import RedisUnavailableError
from main_service.errors import AppError
from main_service.mail.storage import count_given_up, waits_since
from main_service.monitoring.scraped import ScrapedGauge, ScrapedValues
from main_service.operations.engine_metrics import EngineQuestions, broker_client
from main_service.resources import open_resources
from main_service.settings import Settings
from main_service.status.task_states import KEYGEN_QUEUE, PATIENCE, TaskState, read_states
from main_service.task_runs import TaskRun, read_runs

ASK_SECONDS = 2.5
LIVE_SECONDS = 2.0
"""How long asking whether a web process lives may take: less than all questions together."""
LONGEST_METRICS_BYTES = 16 * 1024 * 1024
"""A web process that has answered each of its routes tells of thousands of series."""
_VISITS = re.compile(rb"^(slipbin_visits_waiting|slipbin_visits_dropped_total) (\S+)$", re.MULTILINE)


@dataclass
class Overview:
    """What was found out. What could not be asked is None or missing."""

    answers: ScrapedValues
    tasks: list[TaskState] | None = None
    keygen_queue: int | None = None
    web_seconds: float | None = None
    """How long a web process took to answer; None: none did."""
    web_hangs: bool = False
    """Whether a connection was accepted there and no answer came."""
    web_url: str = ""
    web: WebAnswers = field(default_factory=WebAnswers)
    """What web processes say of themselves."""
    email_at: float | None = None
    """Since when the oldest email has been waiting, in seconds since 1970; None: none is waiting."""
    emails_given_up: int = 0
    """How many emails were given up within an hour."""
    visits: dict[str, float] = field(default_factory=dict)
    """Visits of the web processes that share their metrics with the one that answered, if the token for metrics is set:
    `slipbin_visits_waiting` and `…_dropped_total`."""
    at: float = field(default_factory=time.time)

    def value(self, metric: ScrapedGauge, *labels: str) -> float | None:
        """The value of a metric; None: it could not be asked."""
        return self.answers.value(metric, *labels)


@dataclass
class Runs:
    """The last runs of tasks; None: they could not be asked for."""

    known: dict[str, TaskRun] | None = None


async def look(settings: Settings, *, web: WebProcesses) -> Overview:
    """Ask everything at once."""
    import_tasks()
    async with open_resources(settings, for_task=True) as resources:
        overview, runs = Overview(ScrapedValues(), web_url=web.url), Runs()
        engines = EngineQuestions(resources)

        async def ask_engines() -> None:
            overview.answers = await engines.ask()

        async def ask_tasks() -> None:
            with suppress(RedisUnavailableError):
                runs.known = await read_runs(resources.redis)

        async def ask_emails() -> None:
            with suppress(AppError):
                async with resources.sessions() as session:
                    since = await waits_since(session)
                    overview.emails_given_up = await count_given_up(session, within=timedelta(hours=1))
                overview.email_at = None if since is None else since.timestamp()

        async def ask_keygen() -> None:
            broker = broker_client(settings.broker_url)
            if broker is not None:
                with suppress(RedisError, OSError):
                    overview.keygen_queue = int(await broker.llen(KEYGEN_QUEUE))

        async def ask_web() -> None:
            overview.web = await web.ask()

        questions = (
            *(ask_engines(), ask_tasks(), ask_emails(), ask_keygen(), ask_web()),
            *(_ask_whether_web_lives(overview), _ask_metrics_of_web(settings, overview)),
        )
        await asyncio.wait(list(map(asyncio.create_task, questions)), timeout=ASK_SECONDS)
    if runs.known is not None:
        uptime = overview.web.uptime_seconds
        is_new = uptime is not None and uptime < PATIENCE.total_seconds()
        overview.tasks = read_states(scheduled_tasks.values(), runs.known, is_new=is_new)
    return overview


async def _ask_whether_web_lives(overview: Overview) -> None:
    began_at = time.perf_counter()
    try:
        answer = await in_thread(lambda: fetch(overview.web_url, "/health/live", seconds=LIVE_SECONDS))
    except TimeoutError:
        overview.web_hangs = True
        return
    except Exception:
        # In any case, no web process answers there.
        return
    if answer.status == 200:
        overview.web_seconds = time.perf_counter() - began_at


async def _ask_metrics_of_web(settings: Settings, overview: Overview) -> None:
    if settings.metrics_token is None:
        return
    headers = {"Authorization": f"Bearer {settings.metrics_token.get_secret_value()}"}
    # In any case, they are unknown.
    with suppress(Exception):
        metrics = await in_thread(
            lambda: fetch(overview.web_url, "/metrics", headers=headers, longest_bytes=LONGEST_METRICS_BYTES)
        )
        overview.visits = {name.decode(): float(value) for name, value in _VISITS.findall(metrics.body)}
