"""Days that a form has words for: the last seven, the last month."""

from datetime import date, timedelta
from enum import StrEnum

from main_service.visits.periods import Days


class Span(StrEnum):
    WEEK = "week"
    MONTH = "month"
    LAST_MONTH = "last-month"
    CHOSEN = "chosen"
    """Those that are written beside it."""


def days_of(span: Span, today: date) -> Days:
    """The days of UTC that are meant, up to `today`; as long as none are chosen, those of a month.

    The last month is the one of the calendar that is over.
    """
    if span is Span.WEEK:
        return Days(today - timedelta(days=6), today)
    if span is Span.LAST_MONTH:
        last = today.replace(day=1) - timedelta(days=1)
        return Days(last.replace(day=1), last)
    return Days(today - timedelta(days=29), today)
