"""`make run GATEWAY=1`: nginx in front of the web processes."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from main_service.monitoring import scraped
from main_service.web.proxy_watch import UNNAMED_PROXY
from tests.launcher.launched import REPOSITORY, Launched, Launchers, assert_nothing_left, is_alive
from tests.support.gateway import find_nginx
from tests.support.visits import FIREFOX
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
def needs_nginx() -> None:
    find_nginx()


def test_it_is_reached_by_http_and_https_and_nginx_is_kept_running(launcher: Launchers) -> None:
    launched = launcher.start("run", "--port", "0", "--tls-port", "0", "--workers", "1", GATEWAY="1")
    launched.wait_for_text("It is reached by https too")
    http = re.search(r"^Slipbin is ready: (http://127\.0\.0\.1:\d+)$", launched.out, re.MULTILINE)[1]
    https = re.search(r"(https://127\.0\.0\.1:\d+)$", launched.out, re.MULTILINE)[1]

    assert_serves(http, https)
    # The web processes would warn of a proxy that they do not know.
    assert "MAIN_TRUSTED_PROXIES" not in launched.log

    master = launched.process("nginx: master")
    master.send_signal(signal.SIGKILL)
    # What it has started may answer for a moment longer.
    eventually(lambda: not is_alive(master), "its end")
    # It is held by the launcher: one waits, and is answered by the next nginx.
    assert httpx.get(f"{http}/health/live", trust_env=False, timeout=60).status_code == 200
    assert launched.process("nginx: master").pid != master.pid
    assert_serves(http, https)
    assert_only_nginx_is_believed(http, launched)
    assert_status_knows_the_certificate(launcher)

    assert launched.stop() == 0
    assert_nothing_left(launcher.data)
    with pytest.raises(httpx.ConnectError):
        httpx.get(http, trust_env=False)


def assert_serves(http: str, https: str) -> None:
    """Both addresses serve, and links begin with that of http."""
    with httpx.Client(trust_env=False, verify=False, timeout=60) as client:
        made = client.post(f"{https}/api/v1/links", json={"original_url": "https://example.org/"})
        assert made.json()["url"].startswith(f"{http}/"), made.text
        visited = client.get(made.json()["url"], headers={"User-Agent": FIREFOX})
    assert (visited.status_code, visited.headers["server"]) == (302, "nginx")


def assert_only_nginx_is_believed(http: str, launched: Launched) -> None:
    """Any program of this machine may connect from 127.0.0.1, as nginx would by TCP: none is taken for it."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        client.get(f"{http}/health/ready", headers={"X-Forwarded-For": "203.0.113.1"})
        assert client.get(f"{http}/health/ready").json()["warnings"] == [UNNAMED_PROXY]
    web = launched.process("serve", "--fd")
    assert [each for each in web.net_connections("inet") if each.status == psutil.CONN_LISTEN] == []
    assert (launched.data / "run").stat().st_mode & 0o777 == 0o700


def assert_status_knows_the_certificate(launcher: Launchers) -> None:
    def look() -> dict[str, Any] | None:
        told = json.loads(subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False).stdout)
        is_told = any(each["name"] == scraped.CERTIFICATE.name for each in told["metrics"])
        return told if is_told and UNNAMED_PROXY in str(told["findings"]) else None

    command = [sys.executable, "-m", "launcher", "main", "--data", str(launcher.data), "status", "--json"]
    # It asks for two seconds only, in which a busy machine may not answer.
    told = eventually(look, "the end of the certificate, and the warning of the web process")
    [ends_at] = [each["value"] for each in told["metrics"] if each["name"] == scraped.CERTIFICATE.name]
    assert ends_at > time.time()


def test_port_of_https_that_is_in_use_is_named(launcher: Launchers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as rival:
        port = rival.getsockname()[1]
        launched = launcher.start("run", "--gateway", "--port", "0", "--tls-port", str(port))
        assert launched.wait_for_end() == 1

    assert launched.log == (
        f"launcher: Port {port} on 127.0.0.1 cannot be opened: Address already in use."
        " Choose another with --tls-port.\n"
    )


def test_certificate_that_cant_be_used_ends_the_start(launcher: Launchers, tmp_path: Path) -> None:
    (tmp_path / "fullchain.pem").write_text("no certificate")
    (tmp_path / "privkey.pem").write_text("no key")
    launched = launcher.start("run", "--gateway", "--port", "0", "--tls-port", "0", SLIPBIN_TLS=str(tmp_path))

    assert launched.wait_for_end() == 1
    assert "fullchain.pem is not a certificate in PEM format." in launched.log
    # It does not take as long as starting everything.
    assert "migrate | " not in launched.log
    assert_nothing_left(launcher.data)
