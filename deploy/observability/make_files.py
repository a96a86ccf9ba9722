"""Writes what Grafana and Alertmanager read when they start: Grafana's password, and Alertmanager's receivers.

python -m deploy.observability.make_files --grafana FOLDER --alertmanager FOLDER --template FILE

Passwords are generated once. Alertmanager's configuration is written at each start: the template, and at its end the
notifications of the last receiver, from SLIPBIN_ALERT_WEBHOOK and SLIPBIN_ALERT_EMAIL. Emails are sent by the server of
MAIN_SMTP_URL. Exits with a sentence if these can't be used, since alerts that are never delivered are worse than none.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.make_secrets import SHARED, keep, write
from main_service.mail.transport import read_smtp_url


class SettingError(Exception):
    """A setting that can't be used. Its text says which, and what to write instead."""


def make_files(*, grafana: Path, alertmanager: Path, template: Path, environ: Mapping[str, str]) -> None:
    """Write what is missing in the folder `grafana`, and the configuration into the folder `alertmanager`.

    Raises:
        SettingError: a setting can't be used.
    """
    keep(grafana / "grafana_password", secrets.token_urlsafe(18), mode=SHARED)
    keep(grafana / "grafana_secret_key", secrets.token_urlsafe(32), mode=SHARED)
    # YAML takes JSON, in which every value is quoted.
    ways = "".join(f"    {kind}: [{json.dumps(way)}]\n" for kind, way in ways_of(environ).items())
    write(alertmanager / "alertmanager.yml", template.read_text().rstrip() + "\n" + ways, mode=SHARED)


def ways_of(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """How the operator is notified, as entries of Alertmanager's configuration. May be empty.

    Raises:
        SettingError: a setting can't be used.
    """
    ways: dict[str, dict[str, Any]] = {}
    if webhook := environ.get("SLIPBIN_ALERT_WEBHOOK", ""):
        if urlsplit(webhook).scheme not in ("http", "https"):
            raise SettingError("SLIPBIN_ALERT_WEBHOOK must be the http or https URL that alerts are posted to.")
        ways["webhook_configs"] = {"url": webhook, "send_resolved": True}
    if recipient := environ.get("SLIPBIN_ALERT_EMAIL", ""):
        ways["email_configs"] = {"to": recipient, "send_resolved": True, **_mail_server(environ)}
    return ways


def _mail_server(environ: Mapping[str, str]) -> dict[str, Any]:
    url = environ.get("MAIN_SMTP_URL", "")
    if urlsplit(url).scheme not in ("smtp", "smtps"):
        raise SettingError("SLIPBIN_ALERT_EMAIL needs a mail server: set MAIN_SMTP_URL to smtp://… or smtps://….")
    server = read_smtp_url(url)
    host = urlsplit(environ.get("MAIN_PUBLIC_URL", "")).hostname or "localhost"
    found: dict[str, Any] = {
        "from": environ.get("MAIN_MAIL_FROM") or f"Slipbin <noreply@{host}>",
        "hello": host,
        "smarthost": f"[{server.host}]:{server.port}" if ":" in server.host else f"{server.host}:{server.port}",
        "require_tls": server.is_starttls,
    }
    if server.is_tls and server.port != 465:
        # On other ports Alertmanager starts without TLS by default.
        found["force_implicit_tls"] = True
    if server.user:
        found |= {"auth_username": server.user, "auth_password": server.password}
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--grafana", "--alertmanager", "--template"):
        parser.add_argument(name, type=Path, required=True)
    try:
        make_files(**vars(parser.parse_args()), environ=os.environ)
    except SettingError as error:
        sys.exit(str(error))
