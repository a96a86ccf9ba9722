"""HTML forms: parsed into schemas, and shown again with what is wrong."""

from typing import Annotated, TypeVar

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ValidationError

from main_service.errors import AppError, InvalidInputError
from main_service.web.form_body import read_form
from main_service.web.problems import field_errors
from main_service.web.templating import render

Shape = TypeVar("Shape", bound=BaseModel)

FormDep = Annotated[dict[str, str], Depends(read_form)]
"""The fields of the form in the body, by name."""


def parse(shape: type[Shape], **fields: object) -> Shape:
    """`fields` as `shape`.

    Raises:
        InvalidInputError: with the names of the fields of `shape`.
    """
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        # Without its cause, which would show what was typed, passwords too.
        raise InvalidInputError(fields=field_errors(error.errors())) from None


def sentences(error: AppError | None) -> dict[str, str]:
    """What is wrong, by field; under an empty name if it is about none."""
    if error is None:
        return {}
    if error.fields:
        return {f.field: f.message for f in error.fields}
    return {"": f"{error.message} {error.advice or ''}".strip()}


def form_page(
    request: Request,
    template: str,
    *,
    error: AppError | None = None,
    errors: dict[str, str] | None = None,
    **context: object,
) -> Response:
    """A page with a form, or the same again with what is wrong. A password is never filled in again.

    `errors`: what is wrong by field of the form, where that is not the field of `error`.
    """
    response = render(
        request,
        template,
        status=error.status if error else 200,
        errors=sentences(error) if errors is None else errors,
        **context,
    )
    if error is not None:
        response.headers.update(error.headers)
    return response


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
