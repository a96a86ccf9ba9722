"""Checks the mail server: reach, TLS, signing in. Nothing is sent."""

import os
import smtplib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from main_service.doctor.addresses import why_unreachable
from main_service.doctor.examination import in_thread
from main_service.doctor.findings import Report
from main_service.doctor.surroundings import is_in_container
from main_service.mail.transport import SmtpServer, mail_host, read_smtp_url, try_server
from main_service.settings import Settings

SECONDS = 4.0
"""How long connecting, and each answer, may take."""


async def check_mail(settings: Settings, report: Report) -> None:
    url = settings.smtp_url
    if url is None:
        report.warn(
            "MAIN_SMTP_URL is not set: emails wait, and are given up two days later, so addresses can't be confirmed.",
            "Set it to your mail server, or to file:///FOLDER to get emails as files.",
        )
        return
    if url.startswith("file:"):
        judge_folder(Path(unquote(urlsplit(url).path)), report)
        return
    server = read_smtp_url(url)
    address = f"{server.host}:{server.port}"
    try:
        await in_thread(lambda: try_server(server, our_host=mail_host(settings.public_url), seconds=SECONDS))
    except Exception as error:
        report.problem(*why_not(error, server, address))
        return
    how = "TLS" if server.is_tls or server.is_starttls else "no encryption"
    report.ok(f"The mail server {address} lets us in, with {how}. Whether it delivers was not tried.")


def judge_folder(folder: Path, report: Report) -> None:
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        report.problem(f"Emails can't be written to {folder}.", "Give the folder to the services' user, mode 700.")
    elif not folder.parent.is_dir() and is_in_container():
        report.ok(f"Emails are not sent but written to {folder} of the container that runs main-worker.")
    elif not folder.is_dir() and not os.access(folder.parent, os.W_OK | os.X_OK):
        report.problem(f"The folder of emails {folder} is missing and can't be made.", "Create it.")
    else:
        report.ok(f"Emails are not sent but written to {folder}, as MAIN_SMTP_URL says.")


def why_not(error: BaseException, server: SmtpServer, address: str) -> tuple[str, str]:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return (
            f"The mail server {address} refuses user or password ({error.smtp_code}).",
            "Correct them in MAIN_SMTP_URL, percent-encoded; some providers want a password for this program alone.",
        )
    if isinstance(error, smtplib.SMTPNotSupportedError):
        what = "STARTTLS" if server.is_starttls and "STARTTLS" in str(error) else "signing in"
        return (
            f"The mail server {address} does not offer {what}.",
            "Use smtps:// and port 465, another port, or ?starttls=never inside a network of your own.",
        )
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return (
            f"{address} closes the connection before it greets.",
            "A port that begins with TLS wants smtps:// and mostly 465; smtp:// is for 587 and 25.",
        )
    found = why_unreachable(error, address=address, setting="MAIN_SMTP_URL")
    if found:
        return found
    code = f" with {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
    return f"The mail server {address} refuses{code} ({type(error).__name__}).", "See the log of the mail server."
