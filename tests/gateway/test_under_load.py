"""Nothing fails while web processes are killed or replaced, and while the gateway reloads."""

import signal
from collections.abc import Iterator

import pytest

from tests.support.engines import Environment, temporary_folder
from tests.support.entries import create_link, manage_headers
from tests.support.gateway import TRUSTED, ContainedWebServer, Gateway
from tests.support.load import VisitingClients
from tests.support.serve_workers import WebProcesses
from tests.support.waiting import eventually

VISITORS = 4
ANSWERS = 60


@pytest.fixture(scope="module")
def replaced(nginx: str, environment: Environment) -> Iterator[WebProcesses]:
    """`serve --workers 2`: two processes behind one address, which SIGHUP replaces."""
    with WebProcesses(environment | TRUSTED) as processes:
        yield processes


@pytest.fixture(scope="module")
def in_front_of_one(replaced: WebProcesses) -> Iterator[Gateway]:
    with temporary_folder() as folder, Gateway(folder / "gateway", [replaced]) as started:
        yield started


def failed(clients: VisitingClients) -> dict[str, int]:
    """How many requests of each kind got no answer, or another one than they should."""
    kinds = {"people": clients.people, "bots": clients.bots, "heads": clients.heads}
    return {name: kind.lost.total() for name, kind in kinds.items()}


class StrictClients(VisitingClients):
    """Notes each answer that is not the right one as lost."""

    def _send(self, client, request) -> None:  # type: ignore[no-untyped-def]
        before = request.seen.answered[request.key]
        super()._send(client, request)
        if request.seen.answered[request.key] == before:
            request.seen.lost[request.key] += 1


def test_no_get_fails_when_a_web_process_is_killed(gateway: Gateway, webs: list[ContainedWebServer]) -> None:
    with StrictClients(gateway, visitors=VISITORS) as clients:
        for web in webs:
            clients.wait_for_answers(ANSWERS)
            web.processes[0].send_signal(signal.SIGKILL)
            web.processes[0].wait()
            clients.wait_for_answers(ANSWERS)
            web.restart()

    assert failed(clients) == {"people": 0, "bots": 0, "heads": 0}


def test_nothing_fails_when_web_processes_end_in_turn(gateway: Gateway, webs: list[ContainedWebServer]) -> None:
    key = create_link(gateway.client)["key"]
    with StrictClients(gateway, visitors=VISITORS) as clients:
        for web in webs:
            clients.wait_for_answers(ANSWERS)
            web.processes[0].send_signal(signal.SIGTERM)
            web.processes[0].wait()
            made = [create_link(gateway.client) for _ in range(5)]
            for entry in made:
                # None of these was sent before it was refused.
                path, headers = f"/api/v1/entries/{entry['key']}", manage_headers(entry)
                assert gateway.client.patch(path, json={"title": "new"}, headers=headers).status_code == 200
                assert gateway.client.delete(path, headers=headers).status_code == 204
            web.restart()

    assert failed(clients) == {"people": 0, "bots": 0, "heads": 0}
    assert gateway.client.get(f"/{key}").status_code == 302


def test_nothing_fails_when_the_gateway_reloads(gateway: Gateway) -> None:
    with StrictClients(gateway, visitors=VISITORS) as clients:
        for _ in range(3):
            clients.wait_for_answers(ANSWERS)
            before = gateway.reload()
    eventually(lambda: not set(before) & set(gateway.workers()), "the end of the processes of before")

    assert failed(clients) == {"people": 0, "bots": 0, "heads": 0}


def test_nothing_fails_when_sighup_replaces_web_processes(in_front_of_one: Gateway, replaced: WebProcesses) -> None:
    before = replaced.children()
    with StrictClients(in_front_of_one, visitors=VISITORS) as clients:
        clients.wait_for_answers(ANSWERS)
        replaced.parent.send_signal(signal.SIGHUP)
        eventually(lambda: not set(before) & set(replaced.children()), "new processes")
        clients.wait_for_answers(ANSWERS)

    assert failed(clients) == {"people": 0, "bots": 0, "heads": 0}


def test_no_get_fails_when_one_of_two_processes_behind_an_address_is_killed(
    in_front_of_one: Gateway, replaced: WebProcesses
) -> None:
    [victim, _] = replaced.children()
    with StrictClients(in_front_of_one, visitors=VISITORS) as clients:
        clients.wait_for_answers(ANSWERS)
        victim.kill()
        eventually(lambda: victim not in replaced.children(), "its end")
        clients.wait_for_answers(ANSWERS)

    assert failed(clients) == {"people": 0, "bots": 0, "heads": 0}
