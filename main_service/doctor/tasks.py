"""Checks that background tasks run, and that what they work on does not pile up."""

from dataclasses import replace

from main_service.doctor.findings import Report
from main_service.settings import Settings
from main_service.status.judgement import judge_work
from main_service.status.overview import look


async def check_tasks(settings: Settings, report: Report, *, web_url: str) -> None:
    overview = await look(settings, web_url=web_url)
    if overview.tasks is None:
        report.unknown("Not checked: Redis, which knows when tasks last ran, can't be asked.")
        return
    found = judge_work(overview)
    if not found:
        report.ok("All background tasks run when they should, and nothing piles up.")
    report.findings += [replace(each, subject=report.subject) for each in found]
