"""Checks that the broker answers, and that workers take tasks from every queue."""

from redis.exceptions import OutOfMemoryError, ReadOnlyError

from main_service.background import Queue
from main_service.broker import find_consumed_queues
from main_service.doctor.addresses import causes_of, shown_address, why_unreachable
from main_service.doctor.commands import restart
from main_service.doctor.examination import in_thread
from main_service.doctor.findings import Report
from main_service.doctor.redis_server import why_no_write
from main_service.settings import Settings

KEYGEN_QUEUE = "keygen_service"
_WORKERS = {
    Queue.QUICK.value: ("main-worker", "visits, emails and cache invalidations"),
    Queue.SLOW.value: ("main-slow", "reports, clean-ups and jobs of superusers"),
}


async def check_workers(settings: Settings, report: Report) -> None:
    address = shown_address(settings.broker_url, default_port=6379)
    try:
        consumed = await in_thread(lambda: find_consumed_queues(settings.broker_url))
    except Exception as error:
        report.problem(*_why_not(error, address))
        return
    report.ok(f"The broker answers at {address}.")
    for queue, (worker, work) in _WORKERS.items():
        if queue not in consumed:
            report.problem(
                f"No worker takes tasks from the queue {queue}: {work} wait.",
                f"It has ended, hangs, or has lost the broker; the log of {worker} says which. {restart(worker)}.",
            )
    if all(queue in consumed for queue in _WORKERS):
        report.ok("Workers take tasks from each queue of main_service.")
    if KEYGEN_QUEUE not in consumed:
        report.warn(
            "keygen_service's worker does not answer on this broker (it may use another one).",
            f"See its log. {restart('keygen-worker')}. Without it web processes must draw keys themselves.",
        )


def _why_not(error: BaseException, address: str) -> tuple[str, str]:
    words = " ".join(f"{type(cause).__name__} {cause}" for cause in causes_of(error))
    if "Authentication" in words or "NOAUTH" in words or "WRONGPASS" in words:
        return f"The broker at {address} refuses user or password.", "Correct them in MAIN_BROKER_URL."
    if "MISCONF" in words or "OOM" in words:
        return why_no_write(words)
    for cause in causes_of(error):
        # The library removes their codes.
        if isinstance(cause, OutOfMemoryError | ReadOnlyError):
            return why_no_write(str(cause))
    found = why_unreachable(error, address=address, setting="MAIN_BROKER_URL")
    return found or (f"The broker at {address} can't be asked ({type(error).__name__}).", "Correct MAIN_BROKER_URL.")
