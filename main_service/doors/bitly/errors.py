"""Errors as Bitly sends them."""

from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from main_service.accounts.errors import TokenInvalidError
from main_service.doors.foreign_answers import ForeignRoute
from main_service.errors import AppError, EntryEndedError, InvalidInputError, NotFoundError, SignInRequiredError

_FIELDS = {"original_url": "long_url", "alias": "keyword"}
_MESSAGES = {
    400: "INVALID_ARG",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RATE_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}


class BitlyRoute(ForeignRoute):
    def answer_error(self, _: Request, error: AppError) -> Response:
        status = error.status
        if isinstance(error, SignInRequiredError | TokenInvalidError):
            status = 403
        elif isinstance(error, NotFoundError | EntryEndedError):
            status = 404
        elif isinstance(error, InvalidInputError):
            status = 400
        names = [_FIELDS.get(each.field, each.field) for each in error.fields]
        message = _MESSAGES.get(status, HTTPStatus(status).name)
        if status == HTTPStatus.BAD_REQUEST and names and names[0]:
            message += f"_{names[0].upper()}"
        content = {
            "message": message,
            "description": " ".join(each.message for each in error.fields) or error.message,
            "resource": "bitlinks",
            "errors": [
                {"field": name, "error_code": each.code, "message": each.message}
                for name, each in zip(names, error.fields, strict=True)
            ],
        }
        return JSONResponse(content, status)
