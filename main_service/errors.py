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

    A subclass declares its HTTP `status` and its `code`, unless they are its base's, and `message`: the sentence for
    people. `field` is the field of the input that it is always about. `advice` is a second sentence, shown on pages:
    what the reader can do now. `link`, a URL or one of our paths, is where.
    """

    status: int
    code: str
    message: str
    advice: str | None = None
    link: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    _field: str | None = None

    def __init_subclass__(cls, *, status: int | None = None, code: str | None = None, field: str | None = None) -> None:
        if status is not None:
            cls.status = status
        if code is not None:
            cls.code = code
        if field is not None:
            cls._field = field

    def __init__(self, message: str | None = None, *, fields: Sequence[FieldError] = ()) -> None:
        if message is not None:
            self.message = message
        if self._field is not None:
            fields = [FieldError(self._field, self.code, self.message)]
        self.fields = tuple(fields)
        super().__init__(self.message)


class NotFoundError(AppError, status=404, code="not_found"):
    message = "There is nothing here."
    advice = "Check the link – capital letters matter."


class EntryEndedError(AppError, status=410, code="ended"):
    message = "This is no longer available."
    advice = "It won't come back. Ask the person who sent you the link for a new one."

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            {
                "deleted": "This was deleted by its owner.",
                "expired": "This has expired.",
                "unused": "This was removed because it wasn't used for a long time.",
                "viewed": "This was set to disappear after being viewed.",
            }.get(reason)
        )


class InvalidInputError(AppError, status=422, code="invalid_input"):
    message = "Some fields are invalid; each one says why."


class SignInRequiredError(AppError, status=401, code="sign_in_required"):
    message = "Sign in first: send an access token or an API token as Authorization: Bearer."
    headers = {"WWW-Authenticate": "Bearer"}


class RetryLaterError(AppError, status=429, code="too_many_requests"):
    """Something was done too often. `headers`: those that tell the limits."""

    def __init__(self, *, retry_after_seconds: int, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after_seconds), **headers}


class TooManyUnknownKeysError(RetryLaterError, code="too_many_unknown_keys"):
    message = "Too many requests for links that don't exist."
    advice = "Try again in a minute."


class TooManyRequestsError(RetryLaterError):
    """Something was done too often; `advice` says when to try again."""

    message = "Too many requests in a short time."

    def __init__(self, *, retry_after_seconds: int, headers: Mapping[str, str]) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds, headers=headers)
        self.advice = f"Try again in {_wait_in_words(retry_after_seconds)}."


def _wait_in_words(seconds: int) -> str:
    """A time to wait in words, rounded up."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds > length:
            return f"{-(-seconds // length)} {unit}s"
    return "a second" if seconds == 1 else f"{seconds} seconds"


class BodyTooLargeError(AppError, status=413, code="body_too_large"):
    message = "The request is too large."
    advice = "Split the text into parts, or share it as a file elsewhere."


class TextTooLargeError(AppError, status=413, code="text_too_large"):
    advice = BodyTooLargeError.advice

    def __init__(self, max_text_bytes: int) -> None:
        mebibytes, rest = divmod(max_text_bytes, 2**20)
        limit = f"{max_text_bytes:,} bytes" if rest else f"{mebibytes} MiB"
        super().__init__(f"The text is too large: the limit is {limit} of UTF-8.")


class ForeignOriginError(AppError, status=403, code="foreign_origin"):
    """`link`: the path of our page from which the same can be sent."""

    message = "This request came from another site's page, so nothing was changed."
    advice = "If you meant to send it, open this page and send it from there:"

    def __init__(self, link: str) -> None:
        super().__init__()
        self.link = link


class OpenedOverHttpError(AppError, status=403, code="opened_over_http"):
    """A form came from a page that was opened over http, where browsers keep none of our cookies.

    `link`: the URL of that page under https.
    """

    message = "You opened this page over http, but forms on this site only work over https."
    advice = "Open this instead:"

    def __init__(self, link: str) -> None:
        super().__init__()
        self.link = link


class UnavailableError(AppError, status=503, code="unavailable"):
    """A part that is needed does not answer; trying again later may succeed."""

    message = "Part of the service isn't responding right now."
    advice = "Nothing is lost. Try again in a moment."
    headers = {"Retry-After": "5"}


class DatabaseUnavailableError(UnavailableError, code="database_unavailable"):
    message = "The database isn't responding right now."


class BodyStoreUnavailableError(UnavailableError, code="text_store_unavailable"):
    message = "The text store isn't responding right now."


class NoCredentialsError(ValueError):
    """The object store is S3, and no credentials are found. Its text is a sentence for operators."""


class StorageFullError(AppError, status=507, code="storage_full"):
    message = "There is no room for more text right now."
    advice = "You can still create links. Try again later."
    headers = {"Retry-After": "300"}


class PasswordsBusyError(UnavailableError, code="sign_in_busy"):
    message = "Too many people are signing in right now."
