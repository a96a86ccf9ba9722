"""Errors as Shlink sends them: problem+json, with types of its own."""

from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from main_service.accounts.errors import TokenInvalidError
from main_service.collections.errors import CollectionNameTakenError
from main_service.doors.foreign_answers import ForeignRoute
from main_service.entries.errors import AliasReservedError, AliasTakenError
from main_service.errors import AppError, EntryEndedError, InvalidInputError, NotFoundError, SignInRequiredError
from main_service.web.problems import MEDIA_TYPE

_TYPES = "https://shlink.io/api/error/"

# By the name of a field of ours, the name of what Shlink calls so.
_FIELDS = {
    "original_url": "longUrl",
    "alias": "customSlug",
    "expires_at": "validUntil",
    "expires_in": "validUntil",
    "views": "maxVisits",
    "visibility": "crawlable",
    "passes_query": "forwardQuery",
}


class TagNotFoundError(AppError, status=404, code="tag_not_found"):
    message = "You have no such tag."


class DomainNotFoundError(AppError, status=404, code="domain_not_found"):
    message = "This service has one domain only, its own."


class MercureNotConfiguredError(AppError, status=501, code="mercure_not_configured"):
    """Answered with Shlink's status, after which clients ask again from time to time."""

    message = "This service has no Mercure hub."


class VisitsNotDeletableError(AppError, status=405, code="visits_not_deletable"):
    message = "Visits can't be deleted here: they are kept until they are old."
    headers = {"Allow": "GET, HEAD"}


class ShlinkRoute(ForeignRoute):
    def answer_error(self, _: Request, error: AppError) -> Response:
        status, name, title, more = _kind(error)
        messages = [each.message for each in error.fields]
        problem = {
            "type": _TYPES + name if name else "about:blank",
            "title": title,
            "detail": " ".join(messages) or error.message,
            "status": status,
            "code": error.code,
            **more,
        }
        return JSONResponse(problem, status, media_type=MEDIA_TYPE)


def _kind(error: AppError) -> tuple[int, str, str, dict[str, Any]]:
    """Status, type, title and further members of a problem. An empty type: Shlink has none for it."""
    match error:
        case SignInRequiredError():
            return 401, "missing-authentication", "Invalid authorization", {"expectedHeaders": ["X-Api-Key"]}
        case TokenInvalidError():
            return 401, "invalid-api-key", "Invalid API key", {}
        case AliasTakenError() | AliasReservedError():
            return 400, "non-unique-slug", "Invalid custom slug", {}
        case CollectionNameTakenError():
            return 409, "tag-conflict", "Tag conflict", {}
        case TagNotFoundError():
            return 404, "tag-not-found", "Tag not found", {}
        case DomainNotFoundError():
            return 404, "domain-not-found", "Domain not found", {}
        case MercureNotConfiguredError():
            return 501, "mercure-not-configured", "Mercure integration not configured", {}
        case NotFoundError() | EntryEndedError():
            return 404, "short-url-not-found", "Short URL not found", {}
        case InvalidInputError():
            names = [_FIELDS.get(each.field, each.field) for each in error.fields]
            return 400, "invalid-data", "Invalid data", {"invalidElements": names}
        case _:
            return error.status, "", HTTPStatus(error.status).phrase, {}
