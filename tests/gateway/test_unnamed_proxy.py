"""A proxy in front of the gateway that MAIN_TRUSTED_PROXIES doesn't name is noticed as one without a gateway is."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import count

import pytest

from main_service.web.proxy_watch import CROWD, PERHAPS_A_PROXY, UNNAMED_PROXY
from tests.support.engines import Environment, temporary_folder
from tests.support.entries import create_link
from tests.support.gateway import Gateway
from tests.support.raw_http import LoggedWebServer
from tests.support.visits import FIREFOX, with_own_redis_database
from tests.support.waiting import eventually

GATEWAY = "127.0.0.1"
NAMED = "127.0.0.9"
TOKEN = "a-token-of-the-tests"
LIMITED = {
    "MAIN_GATEWAY": GATEWAY,
    "MAIN_TRUSTED_PROXIES": NAMED,
    "MAIN_LIMIT_CREATES": "2/hour",
    "MAIN_METRICS_TOKEN": TOKEN,
}
LINK = {"original_url": "https://example.org/"}


@pytest.fixture
def watchful(nginx: str, environment: Environment) -> Iterator[LoggedWebServer]:
    with LoggedWebServer(with_own_redis_database(environment) | LIMITED) as web:
        yield web


@pytest.fixture
def before_it(watchful: LoggedWebServer) -> Iterator[Gateway]:
    with (
        temporary_folder() as folder,
        Gateway(folder / "gateway", [watchful], settings={"MAIN_TRUSTED_PROXIES": NAMED}) as gateway,
    ):
        yield gateway


def warnings(web: LoggedWebServer) -> list[str]:
    told: list[str] = web.client.get("/health/ready").json().get("warnings", [])
    return told


def test_unnamed_proxy_is_told_of_and_each_of_its_visitors_has_a_limit(
    watchful: LoggedWebServer, before_it: Gateway
) -> None:
    with before_it.new_client(local_address="127.0.0.21") as unnamed, before_it.new_client() as direct:
        statuses = [
            unnamed.post("/api/v1/links", json=LINK, headers={"X-Forwarded-For": f"198.51.100.9, 203.0.113.{number}"})
            for number in (1, 1, 1, 2)
        ]
        assert [answer.status_code for answer in statuses] == [201, 201, 429, 201]
        assert warnings(watchful) == [UNNAMED_PROXY]

        # Visitors behind it are not told, clients inside are.
        assert "warnings" not in unnamed.get("/health/ready", headers={"X-Forwarded-For": "203.0.113.1"}).json()
        assert direct.get("/health/ready").json()["warnings"] == [UNNAMED_PROXY]
    assert watchful.log().count(UNNAMED_PROXY) == 1


def test_redirects_alone_tell_of_it(watchful: LoggedWebServer, before_it: Gateway) -> None:
    link = create_link(watchful.client)["key"]
    # The first reader leaves a cached entry, for the fast path.
    for client in (watchful.client, before_it.client):
        assert client.get(f"/{link}", headers={"User-Agent": FIREFOX}).status_code == 302
    assert warnings(watchful) == []

    with before_it.new_client(local_address="127.0.0.22") as unnamed:
        assert unnamed.get(f"/{link}", headers={"X-Forwarded-For": "203.0.113.1"}).status_code == 302

    assert warnings(watchful) == [UNNAMED_PROXY]


def test_named_proxy_and_clients_that_forge_headers_are_no_cause(watchful: LoggedWebServer, before_it: Gateway) -> None:
    forged = {"X-Slipbin-Forwarded-For": "203.0.113.1, 10.0.0.1", "X_Slipbin_Forwarded_For": "203.0.113.1, 10.0.0.1"}
    with before_it.new_client(local_address="127.0.0.23") as client:
        statuses = [client.post("/api/v1/links", json=LINK, headers=forged).status_code for _ in range(3)]
        client.get("/some-key", headers=forged)
    with before_it.new_client(local_address=NAMED) as named:
        # A client of the operator's network, which writes an address before its own, and is limited by its own.
        spoofs = [{"X-Forwarded-For": f"203.0.113.{number}, 10.0.0.5", **forged} for number in range(3)]
        passed = [named.post("/api/v1/links", json=LINK, headers=spoof).status_code for spoof in spoofs]
        # … and is told nothing: it may be anyone that the proxy lets in.
        assert "warnings" not in named.get("/health/ready", headers=spoofs[0]).json()

    assert statuses == passed == [201, 201, 429]
    assert warnings(watchful) == []


def test_redirects_tell_of_a_balancer_on_the_internet_by_the_clients_it_names(
    watchful: LoggedWebServer, before_it: Gateway
) -> None:
    key = create_link(watchful.client)["key"]
    numbers = count()
    with before_it.new_client(local_address=NAMED) as named:

        def is_told() -> bool:
            for _ in range(CROWD):
                headers = {"X-Forwarded-For": f"{IPv4Address('203.0.0.0') + next(numbers)}, 8.8.8.8"}
                assert named.get(f"/{key}", headers=headers).status_code == 302
            return warnings(watchful) != []

        eventually(is_told, "a warning")

    assert warnings(watchful) == [PERHAPS_A_PROXY]
