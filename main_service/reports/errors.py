"""Errors of ordering and downloading reports."""

from main_service.errors import AppError


class TooManyReportsWaitingError(AppError, status=429, code="too_many_reports_waiting"):
    message = "You have 3 unfinished reports. Wait for one to finish, or delete one."
    headers = {"Retry-After": "60"}


class TooManyReportsError(AppError, status=409, code="too_many_reports"):
    message = "You have 50 reports. Delete one first, or wait until one expires."


class ReportUnfinishedError(AppError, status=409, code="report_unfinished"):
    message = "This report has no file: it isn't finished, or it failed."


class ReportExpiredError(AppError, status=410, code="report_expired"):
    message = "This report has expired and its file was deleted. Create a new one."
