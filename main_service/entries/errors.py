"""What creating, reading and changing an entry may be refused with."""

from main_service.errors import AppError, FieldError, InvalidInputError, TooManyRequestsError


class NotAPasteError(AppError):
    status = 404
    code = "not_a_paste"
    message = "This is a link, it has no text."


class SelfLinkError(InvalidInputError):
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


class VersionMismatchError(AppError):
    status = 412
    code = "version_mismatch"
    message = "The entry has changed since the version that this request is meant for; get it again first."

    def __init__(self, version: int) -> None:
        """`version`: of the entry as it is now."""
        super().__init__()
        self.headers = {"ETag": f'"{version}"'}


class TooMuchCreatedError(TooManyRequestsError):
    code = "too_much_created"
    message = "That is more than can be created or changed in such a short time."


class ChangedMeanwhileError(AppError):
    status = 409
    code = "changed_meanwhile"
    message = "This was changed after you opened the page, so nothing was saved."
    advice = "Compare, then save again: what you have typed replaces what is there now."


class NotOwnerError(AppError):
    status = 403
    code = "not_owner"
    message = "This entry belongs to somebody else's account."


class IdempotencyKeyReusedError(AppError):
    status = 409
    code = "idempotency_key_reused"
    message = "This Idempotency-Key was sent before with another body; give each new request a new one."


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


class SessionEndedError(AppError):
    status = 403
    code = "session_ended"
    message = "You have been signed out meanwhile, and nothing was made."
    advice = "Send it again to make it as a guest, or sign in in another tab and then send it again."
