"""Answers with errors: application/problem+json (RFC 9457) for programs, a page for browsers, a line for terminals.

An error that has been answered loses its traceback, which would keep frames in memory, with the request and its body.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Mount

from main_service.errors import (
    AppError,
    BodyTooLargeError,
    EntryEndedError,
    FieldError,
    InvalidInputError,
    NotFoundError,
    SignInRequiredError,
    TooManyUnknownKeysError,
    UnavailableError,
)
from main_service.monitoring import log_context
from main_service.monitoring.metrics import MISSES, REFUSALS
from main_service.monitoring.tracing import current_trace_id
from main_service.web import cors
from main_service.web.headers import add_defaults
from main_service.web.negotiation import wants_html, wants_line
from main_service.web.safe_redirect import sign_in_address, without_slash
from main_service.web.session_cookie import clear_session_cookie, has_session_cookie
from main_service.web.templating import render

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

Handler = Callable[[Request, Exception], Awaitable[Response]]

_READ_PATHS = frozenset(
    [
        *("/{key}", "/{key}/", "/{key}/raw", "/api/v1/entries/{key}/text"),
        *("/documents/{key}", "/raw/{key}", "/api/v1/paste/{key}"),
    ]
)
"""Paths at which an entry is read."""
_JSON_PATHS = re.compile(r"/(?:api|documents|health)(?:/|$)")
"""Paths that answer with JSON, so that their clients expect JSON for errors, too."""
_OPTION_NAMES = {"original_url": "url", "expires_in": "expires", "expires_at": "expires"}
"""The names of fields of the API in plain requests."""
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class ProblemField(BaseModel):
    field: str = Field(description="Name of the field; empty for the whole body.")
    code: str
    message: str


class Problem(BaseModel):
    """An error (RFC 9457). `code` is for programs and never changes; `detail` is for people."""

    type: str = Field("about:blank", description="Always about:blank; `code` tells the kinds apart.")
    title: str = Field(description="The status in words.")
    status: int
    detail: str
    code: str
    reason: str | None = Field(None, description="Why an entry ended; with the code `ended` only.")
    request_id: str | None = Field(
        None,
        description="With a status of 5xx: the id of the request, by which its operators find it. As X-Request-ID.",
    )
    trace_id: str | None = Field(None, description="The trace of the request, where traces are on.")
    errors: list[ProblemField] = Field([], description="What is wrong with each field.")


class _HttpError(AppError):
    """An error that the framework raised: no such route, wrong method, a body that can't be read."""

    def __init__(self, error: HTTPException) -> None:
        phrase = HTTPStatus(error.status_code).phrase
        super().__init__(error.detail if error.detail != phrase else f"{phrase}.")
        self.status = error.status_code
        self.code = phrase.lower().replace(" ", "_").replace("-", "_")
        self.headers = dict(error.headers or {})


class _ProblemResponse(JSONResponse):
    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return super().render(content) + b"\n"


class InternalError(AppError, status=500, code="internal_error"):
    message = "Something went wrong on our side. We've logged it."
    advice = "Try again. If it keeps happening, tell the people who run this service."


def add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(AppError, _dropping_traceback(_handle_app_error))
    app.add_exception_handler(RequestValidationError, _dropping_traceback(_handle_validation_error))
    app.add_exception_handler(HTTPException, _dropping_traceback(_handle_http_error))
    app.add_exception_handler(ClientDisconnect, _dropping_traceback(_handle_disconnect))
    # The layers around the app log its traceback afterwards.
    app.add_exception_handler(Exception, _handle_bug)


def drop_tracebacks(error: BaseException) -> None:
    """Remove the traceback of an error and of all errors that led to it.

    The framework's frames refer to the error, which is a reference cycle that only the garbage collector would free. It
    seldom runs here, and until then the request's body would stay in memory uncounted. The frames are not cleared,
    because several requests may share an error.
    """
    errors: list[BaseException | None] = [error]
    seen = set()
    while errors:
        each = errors.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = None
        errors += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            errors += each.exceptions


def _dropping_traceback(handle: Handler) -> Handler:
    """The handler, after which the error loses its traceback."""

    async def handle_and_drop(request: Request, error: Exception) -> Response:
        try:
            return await handle(request, error)
        finally:
            drop_tracebacks(error)

    return handle_and_drop


def problem_response(request: Request, error: AppError) -> Response:
    """`error` as a page for browsers, a line for commands such as curl, or problem+json for others and the API."""
    REFUSALS.labels(error.code).inc()
    response: Response
    # Only our own failures name the request, for users to report. Other refusals of a kind are equal, byte for byte.
    request_id = log_context.request_id() if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
    if (answer_error := getattr(request.scope.get("route"), "answer_error", None)) is not None:
        # The route is for clients of another service, which expect errors in that service's format.
        response = answer_error(request, error)
    elif not request.url.path.startswith("/api/") and wants_html(request.headers):
        if isinstance(error, SignInRequiredError):
            return _lead_to_sign_in(request)
        response = render(
            request,
            "problem.html",
            status=error.status,
            heading=HTTPStatus(error.status).phrase,
            detail=error.message,
            advice=error.advice,
            link=error.link,
            request_id=request_id,
        )
    elif not _JSON_PATHS.match(request.url.path) and wants_line(request.headers):
        response = PlainTextResponse(f"{_line_of(error, request_id=request_id)}\n", error.status)
    else:
        response = _ProblemResponse(problem_of(error, request_id=request_id), error.status)
    for name, value in error.headers.items():
        response.headers[name] = value
    return response


def problem_of(error: AppError, *, request_id: str | None = None) -> dict[str, Any]:
    """`error` as the object of an answer for programs. `request_id`: None where it isn't told."""
    problem = Problem(
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=error.message,
        code=error.code,
        reason=error.reason if isinstance(error, EntryEndedError) else None,
        request_id=request_id,
        trace_id=current_trace_id(),
        errors=[ProblemField(field=f.field, code=f.code, message=f.message) for f in error.fields],
    )
    return problem.model_dump(exclude_none=True)


def _line_of(error: AppError, *, request_id: str | None) -> str:
    """`error` as one line for a person at a terminal."""
    # The text is the body itself, so it has no name.
    named = [(_OPTION_NAMES.get(each.field, each.field).removeprefix("text"), each.message) for each in error.fields]
    said = [f"{name}: {message}" if name else message for name, message in named] or [error.message]
    identified = f"Request id: {request_id}" if request_id else None
    return f"Error {error.status}: {' '.join(filter(None, [*said, error.advice, error.link, identified]))}"


def _lead_to_sign_in(request: Request) -> Response:
    response = RedirectResponse(sign_in_address(request), 303)
    if has_session_cookie(request):
        # The session has ended. Without its cookie, pages stop showing the user as signed in.
        clear_session_cookie(response, request.app.state.resources.settings)
    return response


def field_errors(errors: Iterable[Mapping[str, Any]]) -> Sequence[FieldError]:
    """Pydantic's errors as `FieldError`s, without the input that Pydantic repeats."""
    return [FieldError(_field_name(error["loc"]), error["type"], _sentence(error)) for error in errors]


def _sentence(error: Mapping[str, Any]) -> str:
    message = str(error["msg"])
    if error["type"] == "json_invalid":
        message = str(error.get("ctx", {}).get("error", message))
    elif error["type"] == "extra_forbidden":
        message = "There is no such field"
    elif error["type"] == "missing":
        message = "This field is required"
    elif error["type"] == "model_attributes_type":
        message = "The body must be one JSON object, sent as Content-Type: application/json"
    return message if message.endswith(".") else f"{message}."


def _field_name(location: Sequence[str | int]) -> str:
    """The name of a field, in dotted form. A name that a client made up is repeated only if it is harmless."""
    inside = location[1:] if location[:1] in (("body",), ("query",), ("path",), ("header",)) else location
    if all(isinstance(part, int) for part in inside):
        return ""
    parts = map(str, inside)
    return ".".join(part if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", part) else "(unnamed)" for part in parts)


def _methods(request: Request) -> list[str]:
    """The methods that the request's path allows. The framework names those of its first route only.

    Empty for mounted folders, which name their own methods.
    """
    scope = {"type": "http", "path": request.scope["path"], "headers": []}
    found = request.app.state.route_index.find(request.scope["path"])
    routes = [route for route in found if not isinstance(route, Mount)]
    return [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]


def _route(request: Request) -> str | None:
    """The path template of the matched route, such as `/{key}/raw`; None: no route matched."""
    return getattr(request.scope.get("route"), "path", None)


async def _handle_app_error(request: Request, error: Exception) -> Response:
    if isinstance(error, UnavailableError):
        logger.warning("%s: %r", error.code, error.__cause__)
    elif (
        isinstance(error, NotFoundError | EntryEndedError | TooManyUnknownKeysError) and _route(request) in _READ_PATHS
    ):
        MISSES.labels(str(error.status)).inc()
    return problem_response(request, cast(AppError, error))


async def _handle_validation_error(request: Request, error: Exception) -> Response:
    fields = field_errors(cast(RequestValidationError, error).errors())
    return problem_response(request, InvalidInputError(fields=fields))


async def _handle_http_error(request: Request, error: Exception) -> Response:
    http_error = cast(HTTPException, error)
    is_nothing_here = http_error.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
    if is_nothing_here and (address := without_slash(request, request.app.state.resources.settings)):
        return Response(status_code=308, headers={"Location": address})
    if http_error.status_code == NotFoundError.status:
        return problem_response(request, NotFoundError())
    if http_error.status_code == BodyTooLargeError.status:
        return problem_response(request, BodyTooLargeError())
    if http_error.status_code == UnavailableError.status:
        return problem_response(request, UnavailableError(http_error.detail))
    if http_error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods(request)):
        http_error.headers = {"Allow": ", ".join(methods)}
    return problem_response(request, _HttpError(http_error))


async def _handle_disconnect(_: Request, __: Exception) -> Response:
    """The client disconnected while it was sending: nothing reads this answer, and it is no bug."""
    return Response(status_code=400)


async def _handle_bug(request: Request, _: Exception) -> Response:
    """Answer a bug, whose traceback is logged afterwards. This answer bypasses the middleware that adds headers."""
    response = problem_response(request, InternalError())
    cors.mark(response.headers, request.scope.get(cors.SCOPE_NAME, {}))
    add_defaults(response.raw_headers, response.status_code)
    return response
