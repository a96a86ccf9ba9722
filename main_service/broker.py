"""Asks Celery's broker and, through it, the workers, for operators."""

from celery import Celery

SECONDS = 3
"""How long connecting, and each answer of the broker, may take."""
ANSWER_SECONDS = 2.0
"""How long workers have to answer. The pool `solo` does so between its tasks, which take a second or so."""


def find_consumed_queues(broker_url: str) -> set[str]:
    """The queues from which at least one worker that answers takes tasks, of any service on this broker.

    Blocks for about `ANSWER_SECONDS`, because the number of workers is unknown.

    Raises:
        OSError, kombu.exceptions.KombuError: the broker does not answer.
    """
    with Celery(broker=broker_url, set_as_current=False) as app:
        app.conf.broker_transport_options = {"socket_connect_timeout": SECONDS, "socket_timeout": SECONDS}
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, timeout=SECONDS)
            # `inspect` would warn of workers with the same name, which workers on two machines may have.
            answers = app.control.broadcast("active_queues", reply=True, timeout=ANSWER_SECONDS, connection=connection)
    return {queue["name"] for answer in answers or [] for queues in answer.values() for queue in queues}
