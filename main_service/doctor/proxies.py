"""Asks the web processes what they have noticed about proxies that are not trusted."""

import asyncio
import json
from collections.abc import Iterable

from main_service.doctor.examination import in_thread
from main_service.doctor.findings import Finding, Level, Report
from main_service.doctor.public_url import fetch
from main_service.doctor.surroundings import is_local
from main_service.settings import Settings
from main_service.web.proxy_watch import PERHAPS_A_PROXY, UNNAMED_PROXY

ASKED = 6
"""How often to ask, each time on a new connection: each web process has noticed something of its own."""
_NAME_IT = (
    "Set MAIN_TRUSTED_PROXIES to the address from which the proxy connects (a WARNING in the log of the web processes "
    "names its network), and restart them."
)
_NAME_IT_IF_YOURS = (
    "If it is a proxy of yours (a WARNING in the log of the web processes names its network), set MAIN_TRUSTED_PROXIES "
    "to its address and restart them. If not, there is nothing to do."
)
_ADVICE = {UNNAMED_PROXY: (Level.PROBLEM, _NAME_IT), PERHAPS_A_PROXY: (Level.WARNING, _NAME_IT_IF_YOURS)}


async def check_proxies(settings: Settings, report: Report, *, web_url: str) -> None:
    warnings = await ask_for_warnings(settings, web_url=web_url, times=ASKED)
    if warnings is None:
        report.unknown(f"No web process answers at {web_url}. Name one with --web-url http://HOST:PORT.")
        return
    report.findings += findings_of(warnings, subject=report.subject)
    if _ADVICE.keys().isdisjoint(warnings):
        named = ", ".join(str(network) for network in settings.believed_proxies) or "none"
        report.ok(f"No web process has seen an untrusted proxy within an hour. Trusted: {named}.")
    if not settings.believed_proxies and settings.public_url.startswith("https:") and not is_local(web_url):
        report.warn(
            "MAIN_PUBLIC_URL begins with https, so there is a proxy, but MAIN_TRUSTED_PROXIES is empty: all visitors "
            "share one address, and so their limits.",
            "Set it to the address from which the proxy connects.",
        )


def findings_of(warnings: Iterable[str], *, subject: str) -> list[Finding]:
    """What web processes warn of, with what to do."""
    no_proxy = (Level.WARNING, "See the log of the web processes.")
    return [
        Finding(subject, level, f"A web process has noticed: {warning}", advice)
        for warning in warnings
        for level, advice in [_ADVICE.get(warning, no_proxy)]
    ]


async def ask_for_warnings(settings: Settings, *, web_url: str, times: int) -> list[str] | None:
    """What web processes warn of, asked `times` at once; None: none answers."""
    token = settings.metrics_token
    headers = {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}
    answers = await asyncio.gather(
        *(in_thread(lambda: fetch(web_url, "/health/ready", headers=headers)) for _ in range(times)),
        return_exceptions=True,
    )
    bodies = [answer.body for answer in answers if not isinstance(answer, BaseException)]
    return sorted({warning for body in bodies for warning in _warnings_in(body)}) if bodies else None


def _warnings_in(body: bytes) -> list[str]:
    try:
        told = json.loads(body)
    except ValueError:
        return []
    return [str(each) for each in told.get("warnings") or []] if isinstance(told, dict) else []
