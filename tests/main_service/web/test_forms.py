"""A form that is refused shows its page again, with what was typed and never with a password."""

import asyncio

import pytest
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from main_service.errors import AppError, DatabaseUnavailableError, FieldError, InvalidInputError
from main_service.web.forms import Form, FormPage, form_action, redirect_to_page


class Page(FormPage):
    not_shown_again = (DatabaseUnavailableError,)
    shown: tuple[AppError, Form] | None = None

    async def show_again(self, error: AppError, form: Form) -> Response:
        self.shown = (error, form)
        return Response("again")


@form_action
async def fail(page: Page, form: Form, error: AppError | None) -> Response:
    if error is not None:
        raise error
    return Response("done")


@pytest.fixture
def form_page() -> Page:
    return Page(Request({"type": "http"}))


def test_page_is_shown_again_with_what_was_typed_but_no_password(form_page: Page) -> None:
    error = InvalidInputError(fields=[FieldError("name", "missing", "Enter a name.")])
    form = {"name": "ada", "password": "Secret-1", "new_password": "Secret-2"}

    response = asyncio.run(fail(page=form_page, form=form, error=error))

    assert (response.body, form_page.shown) == (b"again", (error, {"name": "ada"}))
    assert form_page.errors_by_field(error) == {"name": "Enter a name."}


def test_error_without_a_field_is_said_for_the_whole_page(form_page: Page) -> None:
    error = DatabaseUnavailableError()

    assert form_page.errors_by_field(error) == {"": f"{error.message} {error.advice}"}


def test_error_without_which_there_is_no_page_is_raised(form_page: Page) -> None:
    with pytest.raises(DatabaseUnavailableError):
        asyncio.run(fail(page=form_page, form={}, error=DatabaseUnavailableError()))
    assert form_page.shown is None


def test_form_that_is_accepted_shows_nothing_again(form_page: Page) -> None:
    assert asyncio.run(fail(page=form_page, form={}, error=None)).body == b"done"
    assert form_page.shown is None


def test_address_of_a_form_redirects_to_the_page_it_is_on() -> None:
    router = APIRouter()
    redirect_to_page(router, "/things/{thing_id}", "/things/{thing_id}/name")
    [route] = router.routes
    assert isinstance(route, APIRoute)
    assert (route.path, route.methods) == ("/things/{thing_id}/name", {"GET"})

    request = Request({"type": "http", "path_params": {"thing_id": 7}})
    response = asyncio.run(route.endpoint(request))

    assert (response.status_code, response.headers["location"]) == (303, "/things/7")
