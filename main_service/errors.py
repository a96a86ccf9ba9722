"""Expected failures: each knows its HTTP status, its code for programs and its sentence for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of the input; never holds the input itself."""

    field: str
    code: str
    message: str


class AppError(Exception):
    """An expected failure. Anything else that is raised is a bug and answers 500.

    `advice` is a second sentence, shown on pages: what the reader can do now. `link`, a whole URL, is where.
    """

    status: int
    code: str
    message: str
    advice: str | None = None
    link: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, message: str | None = None, *, fields: Sequence[FieldError] = ()) -> None:
        if message is not None:
            self.message = message
        self.fields = tuple(fields)
        super().__init__(self.message)


class NotFoundError(AppError):
    status = 404
    code = "not_found"
    message = "There is nothing at this address."
    advice = "Check the address for a missing or mistyped letter; capitals count."


class EntryEndedError(AppError):
    status = 410
    code = "ended"
    message = "What was here has ended."
    advice = "An ended address never comes back. Ask whoever gave it to you for a new one."

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            {
                "deleted": "What was here has been deleted by its owner.",
                "expired": "What was here has expired.",
                "unused": "What was here was not used for a long time and has ended.",
                "viewed": "What was here has been viewed as often as it could be.",
            }.get(reason)
        )


class InvalidInputError(AppError):
    status = 422
    code = "invalid_input"
    message = "Some of what was sent can't be accepted; each field says why."


class SignInRequiredError(AppError):
    status = 401
    code = "sign_in_required"
    message = "This needs an account; send an access token or an API token as Authorization: Bearer."
    headers = {"WWW-Authenticate": "Bearer"}


class TooManyUnknownKeysError(AppError):
    status = 429
    code = "too_many_unknown_keys"
    message = "Too many addresses were asked for at which there is nothing."
    advice = "Wait a minute, then try again."

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after_seconds)}


class TooManyRequestsError(AppError):
    """What a client may do so often was done more often. `headers`: those that say what the limits are."""

    status = 429
    code = "too_many_requests"
    message = "That was asked for too often in a short time."

    def __init__(self, *, retry_after_seconds: int, headers: Mapping[str, str]) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after_seconds), **headers}
        self.advice = f"Try again in {_wait_in_words(retry_after_seconds)}."


def _wait_in_words(seconds: int) -> str:
    """Rounded up."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds > length:
            return f"{-(-seconds // length)} {unit}s"
    return "a second" if seconds == 1 else f"{seconds} seconds"


class BodyTooLargeError(AppError):
    status = 413
    code = "body_too_large"
    message = "The request is larger than the service accepts."
    advice = "Split the text or share it as a file elsewhere."


class TextTooLargeError(AppError):
    status = 413
    code = "text_too_large"
    advice = BodyTooLargeError.advice

    def __init__(self, max_text_bytes: int) -> None:
        super().__init__(f"The text is larger than {max_text_bytes} bytes of UTF-8, the most that is accepted.")


class FormExpiredError(AppError):
    status = 403
    code = "form_expired"
    message = "The form is not from this site, you have signed in or out since, or cookies are switched off."
    advice = "Allow cookies for this site, open the page again and send the form from there."


class OpenedOverHttpError(FormExpiredError):
    """A form came from a page that was opened over http, where browsers keep none of our cookies."""

    code = "opened_over_http"
    message = "This page was opened over http, and forms on this site work over https only."
    advice = "Open this instead:"

    def __init__(self, link: str) -> None:
        super().__init__()
        self.link = link


class UnavailableError(AppError):
    """A part that is needed does not answer; trying again later may succeed."""

    status = 503
    code = "unavailable"
    message = "A part of the service does not answer right now."
    advice = "Nothing of yours is lost. Try again in a moment."
    headers = {"Retry-After": "5"}


class DatabaseUnavailableError(UnavailableError):
    code = "database_unavailable"
    message = "The database does not answer right now."


class BodyStoreUnavailableError(UnavailableError):
    code = "text_store_unavailable"
    message = "The store of texts does not answer right now."


class NoCredentialsError(ValueError):
    """S3 is meant and nothing says with whose credentials. Its text is a sentence for operators."""


class StorageFullError(AppError):
    status = 507
    code = "storage_full"
    message = "The service has no room for more text right now."
    advice = "Links can still be created. Try again later."
    headers = {"Retry-After": "300"}


class PasswordsBusyError(UnavailableError):
    code = "sign_in_busy"
    message = "Too many people are signing in right now."
