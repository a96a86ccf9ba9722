"""A router documents in OpenAPI the errors that its routes share, and a route those of its own."""

from http import HTTPStatus
from typing import Any

import pytest
from fastapi import FastAPI

from main_service.accounts.errors import TokenInvalidError
from main_service.errors import DatabaseUnavailableError, NotFoundError, SignInRequiredError, TooManyRequestsError
from main_service.web.json_api import DocumentedRouter

METHODS = ["get", "post", "put", "patch", "delete"]


def documented(method: str, **options: Any) -> dict[str, str]:
    """The descriptions of what a route may answer besides success, by status."""
    router = DocumentedRouter(errors=[SignInRequiredError, DatabaseUnavailableError])

    @getattr(router, method)("/thing", **options)
    async def answer() -> None: ...

    app = FastAPI()
    app.include_router(router)
    responses = app.openapi()["paths"]["/thing"][method]["responses"]
    return {status: response["description"] for status, response in responses.items() if status != "200"}


@pytest.mark.parametrize("method", METHODS)
def test_each_route_documents_the_errors_of_its_router_and_invalid_input(method: str) -> None:
    assert documented(method) == {
        "401": "Unauthorized: sign_in_required",
        "422": f"{HTTPStatus(422).phrase}: invalid_input",
        "503": "Service Unavailable: database_unavailable",
    }


@pytest.mark.parametrize("method", METHODS)
def test_a_route_documents_its_own_errors_too(method: str) -> None:
    assert documented(method, errors=[NotFoundError])["404"] == "Not Found: not_found"
    assert "404" not in documented(method)


def test_errors_of_one_status_are_named_together() -> None:
    found = documented("get", errors=[TokenInvalidError])
    assert found["401"] == "Unauthorized: sign_in_required, token_invalid"


def test_what_a_route_says_of_a_status_itself_wins() -> None:
    found = documented("get", errors=[TooManyRequestsError], responses={401: {"description": "Who are you?"}})
    assert found["401"] == "Who are you?"
    assert found["429"].startswith("Too Many Requests: ")
