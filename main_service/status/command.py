"""The command `status`: looks at everything once and prints it."""

import asyncio
import logging

from main_service.doctor.findings import Level
from main_service.doctor.redaction import Redaction
from main_service.doctor.text_store import open_beforehand
from main_service.doctor.web_processes import WebProcesses
from main_service.monitoring.process_metrics import version
from main_service.settings import Settings
from main_service.status.judgement import judge
from main_service.status.overview import look
from main_service.status.screen import as_json, as_text

WEB_TIMES = 3
"""How often web processes are asked: this is run each minute where it is watched."""


def run_status(settings: Settings, *, web_url: str, is_json: bool) -> tuple[str, int]:
    """What to print, and the exit status: 0 if all is well, warnings or not, else 1."""
    # Errors that libraries log while parts are away are shown on the screen.
    logging.disable(logging.CRITICAL)
    open_beforehand(settings)
    # Not asyncio.run, which would wait for the thread that resolves names, however long that takes.
    overview = asyncio.new_event_loop().run_until_complete(
        look(settings, web=WebProcesses(web_url, token=settings.metrics_token, times=WEB_TIMES))
    )
    findings = judge(overview, settings)
    text = (as_json if is_json else as_text)(overview, findings, version=version())
    redaction = Redaction(settings.secret.get_secret_value())
    return redaction.clean(text), 1 if any(each.level is Level.PROBLEM for each in findings) else 0
