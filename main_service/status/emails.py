"""Says what is wrong with emails, and what to do."""

from collections.abc import Iterator
from datetime import timedelta

from main_service.doctor.commands import take_up, typed
from main_service.doctor.findings import Finding, Level
from main_service.monitoring import scraped
from main_service.settings import Settings
from main_service.status.overview import Overview
from main_service.status.words import age_in_words

OLD = timedelta(minutes=5)
"""Sooner than the alert, which knows of one that has left meanwhile."""


def judge_emails(overview: Overview, settings: Settings) -> Iterator[Finding]:
    """Emails that wait, and those that were given up within the hour, as the alert says."""
    waiting = overview.value(scraped.EMAILS, "waiting")
    they_wait = "1 email waits" if waiting == 1 else f"{waiting or 0:.0f} emails wait"
    if waiting and settings.smtp_url is None:
        yield _warning(
            f"{they_wait}, as no mail server is set.",
            f"Set MAIN_SMTP_URL, then {take_up('main-worker')}.",
        )
    elif waiting and overview.email_at is not None and overview.at - overview.email_at > OLD.total_seconds():
        yield _warning(
            f"{they_wait}, the oldest for {age_in_words(overview.at - overview.email_at)}.",
            f"{typed('doctor')} asks the mail server; the log of main-worker has its answers. They are tried again.",
        )
    if given_up := overview.emails_given_up:
        yield _warning(
            f"{given_up} {'email was' if given_up == 1 else 'emails were'} given up within an hour.",
            "The log of main-worker says why. A single recipient may be mistyped; if it is every recipient, the mail "
            "server does not take our emails: see its own log, and MAIN_MAIL_FROM.",
        )


def _warning(sentence: str, advice: str) -> Finding:
    return Finding("emails", Level.WARNING, sentence, advice)
