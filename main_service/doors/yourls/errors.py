"""Errors as YOURLS sends them."""

from fastapi import Request, Response

from main_service.doors.foreign_answers import ForeignRoute
from main_service.doors.yourls.answers import Answer, rendered
from main_service.entries.errors import AliasReservedError, AliasTakenError, SelfLinkError
from main_service.errors import AppError, EntryEndedError, NotFoundError

_NOT_FOUND = "Error: short URL not found"


class SignatureHashedError(AppError, status=403, code="signature_hashed"):
    message = "Send an API token as the signature, as it is: signatures made by md5 or with a timestamp are not taken."


class PasswordSentError(AppError, status=403, code="password_sent"):
    message = "Send an API token as the signature: passwords are not taken."


class GetWithoutSignatureError(AppError, status=403, code="signature_missing"):
    message = "To shorten by GET, send an API token as the signature. Without one, use POST."


class LookingOnlyError(AppError, status=403, code="looking_only"):
    message = "Link previews, prefetches and HEAD create nothing."


class YourlsRoute(ForeignRoute):
    def answer_error(self, request: Request, error: AppError) -> Response:
        """The error as YOURLS sends it: a status and a message, and a code where clients tell errors apart by one."""
        message = error.fields[0].message if error.fields else error.message
        form = getattr(request.state, "format", None) or request.query_params.get("format")
        content: Answer = {"status": "fail", "message": message, "errorCode": error.status, "statusCode": error.status}
        if isinstance(error, NotFoundError | EntryEndedError):
            content["message"] = _NOT_FOUND
        elif isinstance(error, SelfLinkError):
            content["code"] = "error:noloop"
        elif any(each.field == "original_url" for each in error.fields):
            content["code"] = "error:nourl"
        elif isinstance(error, AliasTakenError | AliasReservedError) or any(
            each.field == "alias" for each in error.fields
        ):
            # As its clients expect: a success of HTTP, and a failure in the body.
            return rendered(form, {**content, "code": "error:keyword", "statusCode": 200})
        return rendered(form, content, status=error.status)
