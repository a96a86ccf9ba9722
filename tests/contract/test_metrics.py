"""Metrics that both services count are one metric where they share a folder; scrapes ask for the queues there are."""

import keygen_service.metrics
import main_service.monitoring.metrics
from main_service.background import Queue
from main_service.monitoring import scraped
from main_service.operations.engine_metrics import QUEUES, TOP_UP
from tests.support.engines import REPOSITORY
from tests.support.metrics_page import counted_in, exported_name


def test_metrics_of_one_name_are_declared_alike() -> None:
    main = {exported_name(each): each for each in counted_in(main_service.monitoring.metrics)}
    keygen = {exported_name(each): each for each in counted_in(keygen_service.metrics)}
    shared = main.keys() & keygen.keys()

    assert len(shared) == 4
    for name in shared:
        one, other = main[name], keygen[name]
        assert (one._documentation, one._labelnames, one._type) == (
            other._documentation,
            other._labelnames,
            other._type,
        )
        assert one._kwargs.get("buckets") == other._kwargs.get("buckets")
    for each in scraped.ALL:
        if each.name in keygen:
            assert (each.help, each.labels) == (keygen[each.name]._documentation, keygen[each.name]._labelnames)


def test_queues_and_the_task_that_scrapes_ask_for_are_those_of_the_services() -> None:
    assert tuple(Queue) == QUEUES
    # The worker reads its settings while it is imported.
    assert f'TOP_UP = "{TOP_UP}"' in (REPOSITORY / "keygen_service/worker.py").read_text()
