"""What ordering and downloading a report may be refused with."""

from main_service.errors import AppError


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
