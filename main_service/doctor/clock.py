"""Compares this machine's clock with that of an engine: lifetimes and visits go by both."""

from main_service.doctor.findings import Report

WARN_SECONDS = 2.0
PROBLEM_SECONDS = 30.0


def compare_clocks(ahead_seconds: float, *, of: str, report: Report) -> None:
    """Judge how far the clock of an engine is ahead of ours."""
    apart = abs(ahead_seconds)
    if apart < WARN_SECONDS:
        report.ok(f"The clock of {of} agrees with this machine's.")
        return
    sentence = f"The clock of {of} is {apart:.0f} s {'ahead of' if ahead_seconds > 0 else 'behind'} this machine's."
    advice = "Have both kept by NTP (timedatectl set-ntp true): entries expire and visits are counted by them."
    if apart < PROBLEM_SECONDS:
        report.warn(sentence, advice)
    else:
        report.problem(sentence, advice)
