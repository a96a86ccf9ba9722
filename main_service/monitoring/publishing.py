"""The metrics of a process without an event loop: handed over by a thread, and served on a port of their own."""

import atexit
import threading
from collections.abc import Callable

from main_service.monitoring import metrics_port, tallies
from main_service.monitoring.exposition import exposition
from main_service.monitoring.process_metrics import ProcessorTime


def publish(role: str, *, host: str, port: int | None) -> None:
    """Hand metrics over until the process ends, and listen on `port` if there is one. Call it once."""
    hand_over = _hand_over(role)
    threading.Thread(target=_hand_over_regularly, args=(hand_over,), name="metrics", daemon=True).start()
    atexit.register(hand_over)
    if port is None:
        return

    def render() -> bytes:
        hand_over()
        return exposition(role)

    metrics_port.listen(host, port, render)


def _hand_over(role: str) -> Callable[[], None]:
    processor_time = ProcessorTime(role)
    lock = threading.Lock()

    def hand_over() -> None:
        with lock:
            tallies.hand_over()
            processor_time.hand_over()

    return hand_over


def _hand_over_regularly(hand_over: Callable[[], None]) -> None:
    while not threading.Event().wait(tallies.HAND_OVER_SECONDS):
        hand_over()
