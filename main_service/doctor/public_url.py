"""Checks MAIN_PUBLIC_URL: what it says, whether it resolves, and whether we answer there, as seen from here."""

import asyncio
import http.client
import json
import ssl
import time
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from main_service.doctor.addresses import why_unreachable
from main_service.doctor.commands import typed
from main_service.doctor.examination import in_thread
from main_service.doctor.findings import Report
from main_service.doctor.surroundings import is_in_container, is_local
from main_service.operations.served_certificate import ends_at
from main_service.settings import Settings

SECONDS = 4.0
LONGEST_BYTES = 100_000
CERTIFICATE_WARNING = timedelta(days=14)
"""Two weeks: those that renew themselves do so a month before their end."""
NO_PROOF = "Asked from this machine, which is no proof that others reach it: try it from another network."


@dataclass(frozen=True)
class Answer:
    status: int
    location: str
    body: bytes
    certificate_ends_at: float | None
    """When the certificate ends, in seconds since 1970; None: there is no TLS."""


async def check_public_url(settings: Settings, report: Report) -> None:
    url = settings.public_url
    parts = urlsplit(url)
    host = parts.hostname or ""
    _judge_name(url, host, is_https=parts.scheme == "https", report=report)
    address = f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    try:
        answer = await in_thread(lambda: fetch(url, "/health/live"))
    except Exception as error:
        sentence, advice = why_unreachable(error, address=address, setting="MAIN_PUBLIC_URL") or (
            f"{url} can't be asked ({type(error).__name__}).",
            "See what listens there.",
        )
        if is_in_container() and not isinstance(error, ssl.SSLError):
            # Its network may not lead to where it is published.
            report.warn(
                f"From inside this container: {sentence}", f"From the host, try: curl -i {url}/health/live. {advice}"
            )
        else:
            report.problem(sentence, f"{advice} A proxy in front must run and listen there.")
        return
    _judge_answer(answer, url, report)
    _judge_certificate(answer, address, report)


def fetch(
    url: str,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    longest_bytes: int = LONGEST_BYTES,
    seconds: float = SECONDS,
) -> Answer:
    """GET without following redirects. `longest_bytes`: of the body; what is beyond is not read.

    `seconds`: for connecting, and for each wait for an answer.

    Raises:
        OSError, http.client.HTTPException: there is no answer.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.connect()
        ends_at = None
        if isinstance(connection.sock, ssl.SSLSocket):
            certificate = connection.sock.getpeercert() or {}
            ends_at = float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))
        connection.request("GET", path, headers={"User-Agent": "slipbin-doctor", **(headers or {})})
        response = connection.getresponse()
        body = response.read(longest_bytes)
        return Answer(response.status, response.getheader("Location") or "", body, ends_at)
    finally:
        connection.close()


def _judge_name(url: str, host: str, *, is_https: bool, report: Report) -> None:
    if is_local(host):
        report.warn(
            f"Links begin with {url}, which leads to this machine only on this machine.",
            "Set MAIN_PUBLIC_URL to the address that people open, if others are to use it.",
        )
    elif not is_https:
        report.warn(
            f"MAIN_PUBLIC_URL is {url}: passwords and sessions travel unencrypted.",
            "Put TLS in front (docs/operating.md), and let it begin with https://.",
        )


def _judge_answer(answer: Answer, url: str, report: Report) -> None:
    try:
        is_ours = answer.status == 200 and json.loads(answer.body).get("status") == "ok"
    except (ValueError, AttributeError):
        is_ours = False
    if is_ours:
        report.ok(f"{url} answers. {NO_PROOF}")
    elif answer.status in (301, 302, 307, 308):
        report.problem(
            f"{url} redirects to {answer.location.partition('?')[0][:200]}, so it isn't the address people end up at.",
            "Set MAIN_PUBLIC_URL to the address after the redirect, or correct the proxy.",
        )
    elif answer.status in (502, 503, 504):
        report.problem(
            f"What answers at {url} can't reach a web process ({answer.status}).",
            f"See whether the web processes run ({typed('status')}) and whether the proxy has their address.",
        )
    else:
        report.problem(
            f"Something other than Slipbin answers at {url} ({answer.status} to /health/live).",
            "Correct MAIN_PUBLIC_URL, or have the proxy pass this host on to Slipbin, with all paths.",
        )


async def check_certificate(settings: Settings, report: Report) -> None:
    """The certificate that is served at MAIN_TLS_ADDRESS, even if it is not trusted."""
    address = settings.tls_address
    if address is None:
        return
    host, _, port = address.rpartition(":")
    name = urlsplit(settings.public_url).hostname or host
    try:
        async with asyncio.timeout(SECONDS):
            end = await ends_at(host.strip("[]"), int(port), server_name=name)
    except Exception as error:
        sentence, advice = why_unreachable(error, address=address, setting="MAIN_TLS_ADDRESS") or (
            f"{address} shows no certificate ({type(error).__name__}).",
            "See the log of the gateway, or correct MAIN_TLS_ADDRESS.",
        )
        report.warn(sentence, advice)
        return
    _judge_end(end.timestamp(), address, report)


def _judge_certificate(answer: Answer, address: str, report: Report) -> None:
    if answer.certificate_ends_at is None:
        return
    _judge_end(answer.certificate_ends_at, address, report)


def _judge_end(end: float, address: str, report: Report) -> None:
    left = timedelta(seconds=end - time.time())
    if left < timedelta(0):
        report.problem(
            f"The certificate of {address} has expired.",
            "Renew it, have the server load the new one, and see why it was not renewed by itself.",
        )
    elif left < CERTIFICATE_WARNING:
        report.warn(
            f"The certificate of {address} ends in {left.days} days.",
            "Renew it, and see why that did not happen by itself.",
        )
    else:
        report.ok(f"The certificate of {address} is valid for {left.days} more days.")
