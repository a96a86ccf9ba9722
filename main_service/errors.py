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

    `advice` is a second sentence, shown on pages: what the reader can do now.
    """

    status: int
    code: str
    message: str
    advice: str | None = None
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


class NotAPasteError(AppError):
    status = 404
    code = "not_a_paste"
    message = "This is a link, it has no text."


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


class LeadsHereError(InvalidInputError):
    def __init__(self) -> None:
        message = "A link may not lead to this service itself."
        super().__init__(fields=[FieldError("original_url", "url_of_this_service", message)])


class AliasReservedError(AppError):
    status = 422
    code = "alias_reserved"
    message = "This alias is reserved for the service itself; choose another one."

    def __init__(self) -> None:
        super().__init__(fields=[FieldError("alias", self.code, self.message)])


class AliasTakenError(AppError):
    status = 409
    code = "alias_taken"
    message = "This alias is or was in use; choose another one."

    def __init__(self) -> None:
        super().__init__(fields=[FieldError("alias", self.code, self.message)])


class UsernameTakenError(AppError):
    status = 409
    code = "username_taken"
    message = "This user name is taken; choose another one."

    def __init__(self) -> None:
        super().__init__(fields=[FieldError("username", self.code, self.message)])


class LinkInvalidError(AppError):
    status = 400
    code = "link_invalid"
    message = "This link is not valid any more, or was never complete."
    advice = "Ask for a new one; copy it whole."


class CredentialsWrongError(AppError):
    status = 401
    code = "credentials_wrong"
    message = "E-mail, user name or password is wrong."
    headers = {"WWW-Authenticate": "Bearer"}


class TokenInvalidError(AppError):
    status = 401
    code = "token_invalid"
    message = "This token is not valid any more, or was never complete; sign in again."
    headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class SignInRequiredError(AppError):
    status = 401
    code = "sign_in_required"
    message = "This needs an account; send an access token or an API token as Authorization: Bearer."
    headers = {"WWW-Authenticate": "Bearer"}


class AccountDisabledError(AppError):
    status = 403
    code = "account_disabled"
    message = "This account has been disabled by whoever runs the service."


class AddressUnconfirmedError(AppError):
    status = 403
    code = "address_unconfirmed"
    message = "Your e-mail address has to be confirmed before you can create anything."
    advice = "Open the link in the letter that was sent to it, or have the letter sent again from your settings."


class ScopeMissingError(AppError):
    status = 403
    code = "scope_missing"
    message = "This API token may only read."


class NotOwnerError(AppError):
    status = 403
    code = "not_owner"
    message = "This entry belongs to somebody else's account."


class SignInForbiddenError(AppError):
    status = 403
    code = "api_token_forbidden"
    message = "This can't be done with an API token; sign in for it."


class SuperuserRequiredError(AppError):
    status = 403
    code = "superuser_required"
    message = "Only whoever administers the service may do this."


class OwnAccountError(AppError):
    status = 409
    code = "own_account"
    message = "Your own account can't be disabled by yourself; let another superuser do it."


class TooManyTokensError(AppError):
    status = 409
    code = "too_many_tokens"
    message = "An account has at most 100 API tokens; delete one first."


class CollectionNameTakenError(AppError):
    status = 409
    code = "collection_name_taken"
    message = "You have a collection of this name; choose another one."

    def __init__(self) -> None:
        super().__init__(fields=[FieldError("name", self.code, self.message)])


class TooManyCollectionsError(AppError):
    status = 409
    code = "too_many_collections"
    message = "An account has at most 1,000 collections; delete one first."


class TooManyReportsWaitingError(AppError):
    status = 429
    code = "too_many_reports_waiting"
    message = "You have 3 reports that are not finished; wait for one of them, or delete one."
    headers = {"Retry-After": "60"}


class TooManyReportsError(AppError):
    status = 409
    code = "too_many_reports"
    message = "You have 50 reports; delete one first, or wait until one expires."


class ReportUnfinishedError(AppError):
    status = 409
    code = "report_unfinished"
    message = "This report has no file: it is still being made, or could not be made."


class ReportExpiredError(AppError):
    status = 410
    code = "report_expired"
    message = "This report has expired and its file was deleted; ask for a new one."


class TooManyAttemptsError(AppError):
    status = 429
    code = "too_many_attempts"
    message = "Signing in has failed too often. Wait a while, or set a new password by mail."

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after_seconds)}


class TooManyUnknownKeysError(AppError):
    status = 429
    code = "too_many_unknown_keys"
    message = "Too many addresses were asked for at which there is nothing."
    advice = "Wait a minute, then try again."
    headers = {"Retry-After": "60"}


class IdempotencyKeyReusedError(AppError):
    status = 409
    code = "idempotency_key_reused"
    message = "This Idempotency-Key was sent before with another body; give each new request a new one."


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


class ManageTokenMissingError(AppError):
    status = 401
    code = "manage_token_missing"
    message = "Changing this entry needs its manage token in the header X-Manage-Token."
    headers = {"WWW-Authenticate": 'ManageToken header="X-Manage-Token"'}


class ManageTokenWrongError(AppError):
    status = 403
    code = "manage_token_wrong"
    message = "This manage token does not belong to this entry."


class ViewNotSpentError(AppError):
    status = 403
    code = "view_not_spent"
    message = "The views of this are limited, and a link preview or prefetch may not spend one."


class FormExpiredError(AppError):
    status = 403
    code = "form_expired"
    message = "The form is not from this site, you have signed in or out since, or cookies are switched off."
    advice = "Allow cookies for this site, open the page again and send the form from there."


class SessionEndedError(AppError):
    status = 403
    code = "session_ended"
    message = "You have been signed out meanwhile, and nothing was made."
    advice = "Send it again to make it as a guest, or sign in in another tab and then send it again."


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


class PasswordsBusyError(UnavailableError):
    code = "sign_in_busy"
    message = "Too many people are signing in right now."
