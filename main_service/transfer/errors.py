"""Errors of imports."""

from main_service.errors import AppError


class SourceUnreadableError(AppError, status=422, code="source_unreadable"):
    """The file as a whole can't be read as its format says. The message says why."""

    message = "This file isn't in the format that you chose."


class ImportTooLargeError(AppError, status=413, code="file_too_large"):
    message = "The file is too large."
    advice = "Split it into several files."

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"The file is too large: the limit is {max_bytes // 2**20:,} MiB.")


class TooManyImportsWaitingError(AppError, status=429, code="too_many_imports_waiting"):
    message = "You have 3 unfinished imports. Wait for one to finish, or stop one."
    headers = {"Retry-After": "60"}


class TooManyImportsError(AppError, status=429, code="too_many_imports"):
    message = "You have started 50 imports within a day. Try again tomorrow."
    headers = {"Retry-After": "3600"}


class TooManyUploadsError(AppError, status=429, code="too_many_uploads"):
    message = "Two of your files are already being sent. Wait until one has arrived."
    headers = {"Retry-After": "10"}


class ImportFinishedError(AppError, status=409, code="import_finished"):
    message = "This import is already over."
