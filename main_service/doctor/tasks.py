"""Checks that background tasks run, and that what they work on does not pile up."""

from dataclasses import replace

from main_service.doctor.findings import Report
from main_service.doctor.web_processes import WebProcesses
from main_service.settings import Settings
from main_service.status.judgement import judge_work
from main_service.status.overview import look


async def check_tasks(settings: Settings, report: Report, *, web: WebProcesses) -> None:
    overview = await look(settings, web=web)
    if overview.tasks is None:
        report.unknown("Not checked: Redis, which knows when tasks last ran, can't be asked.")
        return
    found = judge_work(overview, settings, causes="The findings about the parts, above, explain why.")
    if not found:
        report.ok("All background tasks run when they should, and nothing piles up.")
    report.findings += [replace(each, subject=report.subject) for each in found]
