"""Health check of the Celery worker NAME of this host: python worker_answers.py NAME BROKER_URL.

Ends with 0 if the worker answers a ping, else with a sentence. A worker that hangs, and one that has lost the broker,
do not answer. The ping needs none of our code or settings, so it costs little more than starting Python.
"""

import socket
import sys

from celery import Celery
from kombu.exceptions import OperationalError

TIMEOUT_SECONDS = 5
"""The worker with the pool `solo` answers between its tasks, which take a second or so."""


def why_no_answer(name: str, broker_url: str) -> str | None:
    """Why the worker of this name gives no answer; None: it gives one."""
    node = f"{name}@{socket.gethostname()}"
    with Celery(broker=broker_url, set_as_current=False) as app:
        app.conf.broker_transport_options = {"socket_connect_timeout": 5, "socket_timeout": 5}
        try:
            answers = app.control.ping(destination=[node], timeout=TIMEOUT_SECONDS)
        except (OSError, OperationalError) as error:
            return f"The broker does not answer: {error!r}"
    return None if answers else f"{node} does not answer."


if __name__ == "__main__":
    sys.exit(why_no_answer(sys.argv[1], sys.argv[2]))
