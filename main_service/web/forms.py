"""HTML forms: parsed into schemas, and shown again with what is wrong; ids in the paths of pages."""

from typing import TypeVar
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError

from main_service.errors import AppError, InvalidInputError, NotFoundError
from main_service.settings import Settings
from main_service.web.csrf import CsrfForm
from main_service.web.problems import field_errors
from main_service.web.templating import render

Shape = TypeVar("Shape", bound=BaseModel)


def parse(shape: type[Shape], **fields: object) -> Shape:
    """`fields` as `shape`.

    Raises:
        InvalidInputError: with the names of the fields of `shape`.
    """
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        raise InvalidInputError(fields=field_errors(error.errors())) from error


class LinkedSentence(str):
    """A sentence after which a page shows a link, a whole URL."""

    link: str


def sentences(error: AppError | None) -> dict[str, str]:
    """What is wrong, by field; under an empty name if it is about none."""
    if error is None:
        return {}
    if error.fields:
        return {f.field: f.message for f in error.fields}
    sentence = f"{error.message} {error.advice or ''}".strip()
    if error.link is not None:
        sentence = LinkedSentence(sentence)
        sentence.link = error.link
    return {"": sentence}


def form_page(
    request: Request,
    settings: Settings,
    template: str,
    *,
    error: AppError | None = None,
    errors: dict[str, str] | None = None,
    new_session: str | None = None,
    **context: object,
) -> Response:
    """A page with a form, or the same again with what is wrong. A password is never filled in again.

    `errors`: what is wrong by field of the form, where that is not the field of `error`.
    `new_session`: see `CsrfForm`.
    """
    csrf = CsrfForm(request, settings, new_session=new_session)
    response = render(
        request,
        template,
        status=error.status if error else 200,
        errors=sentences(error) if errors is None else errors,
        csrf_token=csrf.token,
        **context,
    )
    if error is not None:
        response.headers.update(error.headers)
    return csrf.attach(response)


def message_page(
    request: Request,
    heading: str,
    sentence: str,
    *,
    button: tuple[str, str],
    template: str = "accounts/message.html",
) -> Response:
    """Something is done.

    `button`: its label, and the path of the page it leads to.
    """
    label, path = button
    return render(request, template, heading=heading, sentence=sentence, label=label, path=path)


def read_id(text: str) -> UUID:
    """Raises:
    NotFoundError: this is no id.
    """
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFoundError from error
