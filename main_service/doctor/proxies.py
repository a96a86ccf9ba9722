"""Asks the web processes what they have noticed about proxies that are not trusted."""

import asyncio
import json

from main_service.doctor.examination import in_thread
from main_service.doctor.findings import Report
from main_service.doctor.public_url import fetch
from main_service.doctor.surroundings import is_local
from main_service.settings import Settings

ASKED = 6
"""How often to ask, each time on a new connection: each web process has noticed something of its own."""


async def check_proxies(settings: Settings, report: Report, *, web_url: str) -> None:
    token = settings.metrics_token
    headers = {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}
    answers = await asyncio.gather(
        *(in_thread(lambda: fetch(web_url, "/health/ready", headers=headers)) for _ in range(ASKED)),
        return_exceptions=True,
    )
    bodies = [answer.body for answer in answers if not isinstance(answer, BaseException)]
    if not bodies:
        report.unknown(f"No web process answers at {web_url}. Name one with --web-url http://HOST:PORT.")
        return
    warnings = sorted({warning for body in bodies for warning in _warnings_in(body)})
    for warning in warnings:
        report.problem(
            f"A web process has noticed: {warning}",
            "Set MAIN_TRUSTED_PROXIES to the address from which the proxy connects (a WARNING in the log of the web "
            "processes names it), and restart them.",
        )
    if not warnings:
        named = ", ".join(str(network) for network in settings.trusted_proxies) or "none"
        report.ok(f"No web process has seen an untrusted proxy within an hour. Trusted: {named}.")
    if not settings.trusted_proxies and settings.public_url.startswith("https:") and not is_local(web_url):
        report.warn(
            "MAIN_PUBLIC_URL begins with https, so there is a proxy, but MAIN_TRUSTED_PROXIES is empty: all visitors "
            "share one address, and so their limits.",
            "Set it to the address from which the proxy connects.",
        )


def _warnings_in(body: bytes) -> list[str]:
    try:
        told = json.loads(body)
    except ValueError:
        return []
    return [str(each) for each in told.get("warnings") or []] if isinstance(told, dict) else []
