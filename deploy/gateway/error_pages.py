"""Answers that the gateway gives when no web process can: a page for browsers, a line for commands such as curl,
problem+json for other programs.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus

from jinja2 import Environment

STYLE_FILES = ("colours.css", "base.css", "controls.css", "header.css", "cards.css")


@dataclass(frozen=True)
class GatewayError:
    """An error that nginx answers by itself, in our words."""

    status: HTTPStatus
    code: str
    detail: str
    advice: str

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed in a moment."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


AGAIN = "Nothing that was saved is lost. Try again in a moment."

ERRORS = (
    GatewayError(
        HTTPStatus.BAD_REQUEST, "bad_request", "This isn't a valid HTTP request.", "Check the link and try again."
    ),
    GatewayError(
        HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "This method isn't allowed here.", "Use another method."
    ),
    GatewayError(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", "The request did not arrive in time.", "Try again."),
    GatewayError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        "The request is too large.",
        "Split the text into parts, or share it as a file elsewhere.",
    ),
    GatewayError(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headers_too_large",
        "The URL and headers of the request are larger than 32 KiB.",
        "Use a shorter address, or delete this site's cookies.",
    ),
    GatewayError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too_many_connections",
        "Too many connections from this address.",
        "Wait until your other requests are answered.",
    ),
    GatewayError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong on our side.", "Try again."),
    GatewayError(HTTPStatus.BAD_GATEWAY, "unavailable", "Slipbin isn't running right now, or is just starting.", AGAIN),
    GatewayError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Slipbin can't take another request right now.", AGAIN),
    GatewayError(
        HTTPStatus.GATEWAY_TIMEOUT,
        "unavailable",
        "Slipbin didn't answer in time.",
        "Try again in a moment. If you sent something, look first whether it arrived.",
    ),
)


def problem(error: GatewayError) -> str:
    """The error as problem+json, with the fields that main_service sends."""
    return json.dumps(
        {
            "type": "about:blank",
            "title": error.status.phrase,
            "status": error.status.value,
            "detail": error.detail,
            "code": error.code,
            "errors": [],
        }
    )


def line(error: GatewayError) -> str:
    """The error as main_service says it in a terminal."""
    return f"Error {error.status}: {error.detail} {error.advice}"


def error_files(templates: Environment, *, style: str, mark: str) -> Iterator[tuple[str, str]]:
    """The name and text of each file. `style`, `mark`: a style sheet and an SVG, which lie in the page itself."""
    sized = mark.replace("<svg ", '<svg width="20" height="20" aria-hidden="true" ', 1)
    page = templates.get_template("error.html.jinja")
    for error in ERRORS:
        yield f"{error.status}.json", f"{problem(error)}\n"
        yield f"{error.status}.txt", f"{line(error)}\n"
        yield f"{error.status}.html", page.render(error=error, style=style, mark=sized)


def policy(style: str) -> str:
    """The content security policy of the pages, which allows this style sheet and nothing else."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
