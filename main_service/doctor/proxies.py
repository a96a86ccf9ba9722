"""Reports what the web processes have noticed about untrusted proxies."""

from collections.abc import Iterable

from main_service.doctor.commands import take_up
from main_service.doctor.findings import Finding, Level, Report
from main_service.doctor.web_processes import WebProcesses
from main_service.settings import Settings
from main_service.web.proxy_watch import PERHAPS_A_PROXY, UNNAMED_PROXY

_NAME_IT = (
    "Set MAIN_TRUSTED_PROXIES to the address from which the proxy connects (a WARNING in the log of the web processes "
    "names its network), then {take_up}."
)
_NAME_IT_IF_YOURS = (
    "If it is a proxy of yours (a WARNING in the log of the web processes names its network), set MAIN_TRUSTED_PROXIES "
    "to its address, then {take_up}. If not, there is nothing to do."
)
_ADVICE = {UNNAMED_PROXY: (Level.PROBLEM, _NAME_IT), PERHAPS_A_PROXY: (Level.WARNING, _NAME_IT_IF_YOURS)}


async def check_proxies(settings: Settings, report: Report, *, web: WebProcesses) -> None:
    answers = await web.ask()
    if not answers.count:
        report.unknown("Not checked: no web process answers.")
        return
    report.findings += findings_of(answers.warnings, subject=report.subject)
    if _ADVICE.keys().isdisjoint(answers.warnings):
        named = ", ".join(str(network) for network in settings.believed_proxies) or "none"
        report.ok(f"No web process has seen an untrusted proxy within an hour. Trusted: {named}.")
    if not settings.believed_proxies and settings.public_url.startswith("https:"):
        report.warn(
            "MAIN_PUBLIC_URL begins with https, so there is a proxy, but MAIN_TRUSTED_PROXIES is empty: all visitors "
            "share one address, and so their limits.",
            "Set it to the address from which the proxy connects.",
        )


def findings_of(warnings: Iterable[str], *, subject: str) -> list[Finding]:
    """What web processes warn of, with what to do."""
    no_proxy = (Level.WARNING, "See the log of the web processes.")
    return [
        Finding(subject, level, f"A web process has noticed: {warning}", advice.format(take_up=take_up("them")))
        for warning in warnings
        for level, advice in [_ADVICE.get(warning, no_proxy)]
    ]
