"""HTML forms: read from a request, parsed into schemas, and shown again with errors and what was typed."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from main_service.errors import AppError, FieldError, InvalidInputError
from main_service.web.bodies.form import read_form, read_list_form
from main_service.web.problems import field_errors
from main_service.web.templating import render

Form = dict[str, str]
"""The fields of a form by name, as they were typed."""

FormDep = Annotated[Form, Depends(read_form)]
ListFormDep = Annotated[Form, Depends(read_list_form)]

DONE = "done"
"""The query field of the page that a form redirects to: what the form has done."""

Action = TypeVar("Action", bound=Callable[..., Awaitable[Response]])
Schema = TypeVar("Schema", bound=BaseModel)

_PASSWORDS = frozenset(["password", "new_password"])


class FormPage(ABC):
    """A page with forms, for one request. A form that is refused shows the page again."""

    template: ClassVar[str]
    """The usual one of its templates."""
    not_shown_again: ClassVar[tuple[type[AppError], ...]] = ()
    """Errors that get a page of their own, because they also prevent this page."""

    def __init__(self, request: Request) -> None:
        self.request = request

    @abstractmethod
    async def show_again(self, error: AppError, form: Form) -> Response:
        """The page with error messages. `form`: what was typed, without passwords."""

    @property
    def done(self) -> str:
        """What the form that led to this page has done; empty: no form led here."""
        return self.request.query_params.get(DONE, "")

    def errors_by_field(self, error: AppError) -> dict[str, str]:
        """Error messages by the name of a field on the page; under an empty name if they are about no field."""
        if error.fields:
            return {each.field: each.message for each in error.fields}
        return {"": f"{error.message} {error.advice or ''}".strip()}

    def render(self, template: str | None = None, *, error: AppError | None = None, **context: Any) -> Response:
        """The page, with the status, headers and messages of `error`. `context`: whatever else the template needs."""
        context["errors"] = (self.errors_by_field(error) if error else {}) | context.get("errors", {})
        response = render(self.request, template or self.template, status=error.status if error else 200, **context)
        if error is not None:
            response.headers.update(error.headers)
        return response


def form_action(action: Action) -> Action:
    """Let a route that has a parameter `page`, a FormPage, show that page again when an error is raised.

    What was typed is in the parameter `form`, if the route has one.
    """

    @wraps(action)
    async def act(**values: Any) -> Response:
        page: FormPage = values["page"]
        try:
            return await action(**values)
        except page.not_shown_again:
            raise
        except AppError as error:
            form: Form = values.get("form", {})
            typed = {name: value for name, value in form.items() if name not in _PASSWORDS}
            return await page.show_again(error, typed)

    return act  # type: ignore[return-value]


def parse(schema: type[Schema], values: Mapping[str, object]) -> Schema:
    """The values as an object of the schema.

    Raises:
        InvalidInputError: with the names of the schema's fields.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        # Without its cause, which would show what was typed, including passwords.
        raise InvalidInputError(fields=field_errors(error.errors())) from None


def require_confirmation(form: Form) -> None:
    """Check that the box `confirm` of a form that deletes something is ticked.

    Raises:
        InvalidInputError: it is not.
    """
    if not form.get("confirm"):
        raise InvalidInputError(fields=[FieldError("confirm", "missing", "Tick the box to confirm.")])


def redirect_after_form(page: str, **query: str) -> RedirectResponse:
    """Redirect (303) to a page that can be reloaded without sending the form again.

    `query`: fields for the query of the page, which says what the form has done.
    """
    return RedirectResponse(f"{page}?{urlencode(query)}", 303)


def redirect_to_page(router: APIRouter, page: str, *paths: str) -> None:
    """Let GET of each path, where forms are sent to, redirect to the page that the forms are on.

    `page`: a path, with names in braces for parameters of the paths.
    """

    async def lead_back(request: Request) -> Response:
        return RedirectResponse(page.format(**request.path_params), 303)

    for path in paths:
        router.add_api_route(path, lead_back, methods=["GET"])


def message_page(
    request: Request, heading: str, sentence: str, *, button: tuple[str, str], template: str = "accounts/message.html"
) -> Response:
    """The page that says that something is done. `button`: its label, and the path that it leads to."""
    label, path = button
    return render(request, template, heading=heading, sentence=sentence, label=label, path=path)
