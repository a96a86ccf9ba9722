"""2,000 requests made from our own OpenAPI find no 500 and no answer that it does not document.

schemathesis makes the requests, valid and invalid ones. To half of them the test lends what only an owner or a reader
can know: the key of an entry, its manage token, an address that a link may lead to.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from main_service.entries.aliases import RESERVED_WORDS
from main_service.web.bodies.limits import BULK_PATH
from tests.support.accounts import bearer, new_user
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.web import WebServer

REQUESTS_OF_A_MODE = 1_000
REQUESTS_OF_A_GUEST = 60
"""At least, to each operation that guests may use."""
TOO_LONG_A_HEAD = 431
NEEDS_AN_ACCOUNT = re.compile(
    r"/api/v1/(auth|users|tokens|admin|collections|shared|stats/me|me|reports|imports)|/claim|/entries(/delete|/export)?$"
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
]
KINDS = ["paste", "link", "limited", "ended"]
TARGETS = [
    "https://example.org/",
    "HTTP://EXAMPLE.ORG:80/%7Ea?b#c",
    "https://b\u00fccher.example/\u00fc",
    "http://[::2]/",
]


schemathesis.serializer.alias("application/jsonl", "text/plain")


@pytest.fixture(scope="module")
def schema(web: WebServer) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{web.address}/openapi.json")


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as own:
        own.trust_env = False
        yield own


class Lender:
    """Real entries for requests that would hardly ever guess one."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._kept = {kind: self._new(kind) for kind in KINDS}
        user = new_user(client)
        created = client.post("/api/v1/tokens", json={"name": "lent"}, headers=user.headers)
        self._authorization = bearer(created.json()["token"])

    def lend(self, case: Case, choice: Callable[[list[Any]], Any]) -> None:
        if "key" in (case.path_parameters or {}):
            kind = choice(KINDS)
            # What a request may change or end is made for it alone.
            is_owner = case.method in ("PATCH", "DELETE")
            entry = self._new(kind) if is_owner or kind == "limited" else self._kept[kind]
            case.path_parameters = {**(case.path_parameters or {}), "key": entry["key"]}
            if "extension" in case.path_parameters:
                case.path_parameters["extension"] = "py"
            is_for_managers = is_owner or case.operation.path.endswith(("/stats", "/history"))
            if is_for_managers and choice([True, True, True, False]):
                case.headers = {**case.headers, **manage_headers(entry)}
        if NEEDS_AN_ACCOUNT.search(case.operation.label) and choice([True, True, True, False]):
            case.headers = {**case.headers, **self._authorization}
        if isinstance(case.body, dict) and isinstance(case.body.get("original_url"), str):
            case.body = {**case.body, "original_url": choice(TARGETS)}

    def _new(self, kind: str) -> dict[str, Any]:
        if kind == "link":
            return create_link(self._client)
        entry = create_paste(self._client, views=1 if kind == "limited" else None)
        if kind == "ended":
            self._client.delete(f"/api/v1/entries/{entry['key']}", headers=manage_headers(entry)).raise_for_status()
        return entry


def operations(schema: BaseSchema, mode: GenerationMode) -> list[APIOperation]:
    """The operations that have input to vary. A key in an address may be any string, so it alone is never invalid."""
    found = [result.ok() for result in schema.get_all_operations()]
    if mode is GenerationMode.NEGATIVE:
        # Each line of many is answered by itself, so no body of them is refused.
        return [each for each in found if (each.body or each.headers or each.query) and each.path != BULK_PATH]
    return [each for each in found if each.body or list(each.iter_parameters())]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
def test_1000_requests_made_from_our_openapi_get_only_documented_answers(
    web: WebServer, schema: BaseSchema, session: requests.Session, mode: GenerationMode
) -> None:
    lender = Lender(web.client)
    statuses: dict[str, Counter[int]] = defaultdict(Counter)
    found = operations(schema, mode)

    def ask(case: Case, data: st.DataObject) -> None:
        # `/verify/qr.png` is no address of an entry: it belongs to the page `/verify/{token}`.
        assume((case.path_parameters or {}).get("key") not in RESERVED_WORDS)
        if data.draw(st.booleans(), label="is lent something"):
            lender.lend(case, lambda choices: data.draw(st.sampled_from(choices)))
        answer = case.call(base_url=web.address, session=session, allow_redirects=False, timeout=30)
        statuses[case.operation.label][answer.status_code] += 1
        if answer.status_code == TOO_LONG_A_HEAD:
            # Of whatever address, so no operation documents it.
            return
        case.validate_response(answer, checks=CHECKS)

    for operation in found:
        strategy = operation.as_strategy(generation_mode=mode)
        is_for_all = not NEEDS_AN_ACCOUNT.search(operation.label)
        # Always the same requests, so that a second run shows what failed.
        repeatable = settings(
            max_examples=max(-(-REQUESTS_OF_A_MODE // len(found)), REQUESTS_OF_A_GUEST if is_for_all else 0),
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        seed(0)(repeatable(given(case=strategy, data=st.data())(ask)))()

    assert sum(map(Counter.total, statuses.values())) >= REQUESTS_OF_A_MODE
    if mode is GenerationMode.POSITIVE:
        refused = [label for label, counts in statuses.items() if all(status >= 400 for status in counts)]
        # What needs an account or the link of an email succeeds in the tests of accounts.
        assert [label for label in refused if not NEEDS_AN_ACCOUNT.search(label)] == []


def test_no_schema_is_named_after_its_module(client: httpx.Client) -> None:
    """Two models with one name would get their module paths, `a__b__Name`, which change whenever a file moves."""
    names = client.get("/openapi.json").json()["components"]["schemas"].keys()
    assert "ReportState" in names
    assert [name for name in names if "__" in name] == []


def test_operations_are_named_by_what_they_do_and_each_once(client: httpx.Client) -> None:
    """Generated clients make functions of these names; the framework's own repeat the path and the method."""
    paths = client.get("/openapi.json").json()["paths"]
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]

    assert len(set(names)) == len(names)
    assert {"create_link", "get_entry", "list_collection_entries"} <= set(names)
    assert [name for name in names if not re.fullmatch("[a-z]+(_[a-z]+){0,3}", name) or "api" in name] == []
