"""The errors of creating, reading and changing an entry."""

from main_service.errors import AppError, FieldError, InvalidInputError, TooManyRequestsError


class NotAPasteError(AppError, status=404, code="not_a_paste"):
    message = "This is a link; it has no text."


class LanguageUnknownError(InvalidInputError):
    def __init__(self) -> None:
        message = "There is no such language. Give an alias of a Pygments lexer, such as python or json."
        super().__init__(message, fields=[FieldError("lang", "syntax_unknown", message)])


class ViewUnknownError(InvalidInputError):
    def __init__(self) -> None:
        message = "The views of a paste are code and preview."
        super().__init__(message, fields=[FieldError("view", "view_unknown", message)])


class SelfLinkError(InvalidInputError):
    def __init__(self) -> None:
        message = "A link can't lead back to this service."
        super().__init__(fields=[FieldError("original_url", "url_of_this_service", message)])


class AliasReservedError(AppError, status=422, code="alias_reserved", field="alias"):
    message = "That name is reserved. Try another."


class AliasTakenError(AppError, status=409, code="alias_taken", field="alias"):
    message = "That name is taken. Try another."


class VersionMismatchError(AppError, status=412, code="version_mismatch"):
    message = "The entry has changed since the version in If-Match. Get it again first."

    def __init__(self, version: int) -> None:
        """`version`: the current one of the entry."""
        super().__init__()
        self.headers = {"ETag": f'"{version}"'}


class TooManyLinesError(AppError, status=413, code="too_many_lines"):
    message = "At most 1,000 lines can be sent at once. This line and the rest were not read."


class TooMuchCreatedError(TooManyRequestsError, code="too_much_created"):
    message = "Too much was created or changed in a short time."


class ChangedMeanwhileError(AppError, status=409, code="changed_meanwhile"):
    message = "Someone changed this after you opened the page, so nothing was saved."
    advice = "Compare the two, then save again to replace what is there now."


class NotOwnerError(AppError, status=403, code="not_owner"):
    message = "This entry belongs to another account."
    advice = "To change it, sign in with that account."


class IdempotencyKeyReusedError(AppError, status=409, code="idempotency_key_reused"):
    message = "This Idempotency-Key was already used with a different body. Use a new one for each request."


class ManageTokenMissingError(AppError, status=401, code="manage_token_missing"):
    message = "To change this entry, send its manage token in the X-Manage-Token header."
    headers = {"WWW-Authenticate": 'ManageToken header="X-Manage-Token"'}


class ManageTokenWrongError(AppError, status=403, code="manage_token_wrong"):
    message = "This manage token doesn't belong to this entry."


class ViewNotSpentError(AppError, status=403, code="view_not_spent"):
    message = "This can only be viewed a limited number of times, so link previews and prefetches are refused."


class SessionEndedError(AppError, status=403, code="session_ended"):
    message = "You've been signed out, so nothing was created."
    advice = "Send it again to create it as a guest, or sign in in another tab first."
