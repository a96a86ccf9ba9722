"""Certificates, redirects to https and HSTS: which of them there are, by certificate and MAIN_PUBLIC_URL."""

import re
import shutil
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from deploy.gateway.given_files import CHAIN, KEY
from tests.support.certificate_authority import Authority
from tests.support.engines import temporary_folder
from tests.support.gateway import ContainedWebServer, Gateway, write_gateway
from tests.support.raw_http import exchange
from tests.support.waiting import eventually

NAME = "paste.example.org"
HTTPS = {"MAIN_PUBLIC_URL": f"https://{NAME}"}
HSTS = "max-age=31536000"
ENDED = datetime(2020, 1, 2, tzinfo=UTC)
PLACES = ("--http", "127.0.0.1:1", "--https", "127.0.0.1:2", "--status", "127.0.0.1:3", "--web", "main:8000")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def certified(nginx: str, webs: list[ContainedWebServer], authority: Authority) -> Iterator[Gateway]:
    """A gateway with a public name and a certificate of an authority."""
    with temporary_folder() as folder:
        authority.issue(folder / "tls", NAME)
        # Its name has a blank, as folders of the operator may have.
        gateway = Gateway(
            folder / "the gateway",
            webs,
            settings=HTTPS,
            certificates=folder / "tls",
            challenges=folder,
            watch_seconds=0.1,
        )
        with gateway:
            yield gateway


def shown_certificate(gateway: Gateway) -> x509.Certificate:
    host, port = gateway.tls_address.removeprefix("https://").split(":")
    return x509.load_pem_x509_certificate(ssl.get_server_certificate((host, int(port))).encode())


def test_by_http_one_is_led_to_the_public_address(certified: Gateway) -> None:
    for method, path in (("GET", "/key?a=b%20c"), ("POST", "/api/v1/links"), ("GET", "/%2e/"), ("HEAD", "/")):
        answer = certified.client.request(method, path, headers={"Host": "evil.example"})

        assert (answer.status_code, answer.headers["location"]) == (308, f"https://{NAME}{path}")
        # A script that starts from http may follow.
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "strict-transport-security" not in answer.headers
    for path in ("//evil.example/", "http://evil.example//evil.example/"):
        [answer] = exchange(certified, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert answer.headers["location"] == f"https://{NAME}//evil.example/"


def test_health_checks_and_challenges_are_answered_by_http(certified: Gateway) -> None:
    (certified.folder.parent / ".well-known/acme-challenge").mkdir(parents=True, exist_ok=True)
    (certified.folder.parent / ".well-known/acme-challenge/token").write_text("thumbprint")

    assert certified.client.get("/health/live").status_code == 200
    assert certified.client.get("/.well-known/acme-challenge/token").text == "thumbprint"


def test_every_answer_by_https_has_hsts_once(certified: Gateway) -> None:
    with certified.new_client(tls=True, http2=True) as client:
        answers = [client.get(path) for path in ("/", "/static/favicon.svg", "/nothing", "/api/v1/nothing")]
        answers += [client.request("TRACE", "/")]

    assert [answer.headers.get_list("strict-transport-security") for answer in answers] == [[HSTS]] * len(answers)


def test_certificate_is_shown_with_its_chain_and_fits_the_name(certified: Gateway, authority: Authority) -> None:
    host, port = certified.tls_address.removeprefix("https://").split(":")
    with (
        socket.create_connection((host, int(port))) as plain,
        authority.context().wrap_socket(plain, server_hostname=NAME) as connection,
    ):
        assert connection.version() == "TLSv1.3"


def test_renewed_certificate_is_taken_up_without_a_word(certified: Gateway, authority: Authority) -> None:
    tls = certified.folder.parent / "tls"
    before = shown_certificate(certified).serial_number
    # A half of it, as while files are copied, and one that has ended: the one of before stays.
    kept = (tls / KEY).read_bytes()
    (tls / KEY).write_bytes(b"half a key")
    eventually(lambda: "can't be used, the one of before stays" in certified.log(), "a line in the log")
    (tls / KEY).unlink()
    (tls / CHAIN).unlink()
    eventually(lambda: "There is no certificate in" in certified.log(), "a line in the log")
    authority.issue(tls, NAME, until=ENDED)
    eventually(lambda: "ended on 2020-01-02. The one of before stays" in certified.log(), "a line in the log")
    assert shown_certificate(certified).serial_number == before

    (tls / KEY).write_bytes(kept)
    renewed = authority.issue(tls, NAME).serial_number

    eventually(lambda: shown_certificate(certified).serial_number == renewed, "the renewed certificate")
    # On a new connection: those to the processes of before are being closed.
    with certified.new_client() as client:
        assert client.get("/health/live").status_code == 200
    # Nor may the next test meet one that is just being closed.
    eventually(lambda: len(certified.workers()) == 1, "the end of the processes of before")


def test_first_certificate_is_taken_up_with_all_that_follows_from_it(
    nginx: str, webs: list[ContainedWebServer], authority: Authority
) -> None:
    with temporary_folder() as folder:
        (folder / "tls").mkdir()
        gateway = Gateway(folder / "gateway", webs, settings=HTTPS, certificates=folder / "tls", watch_seconds=0.1)
        with gateway:
            assert gateway.client.get("/privacy").status_code == 200
            issued = authority.issue(folder / "tls", NAME).serial_number

            eventually(lambda: shown_certificate(gateway).serial_number == issued, "the first certificate")

            def headers(*, tls: bool) -> httpx.Headers:
                with gateway.new_client(tls=tls) as client:
                    return client.get("/privacy").headers

            # Processes of before answer for a moment longer.
            location = eventually(lambda: headers(tls=False).get("location"), "a redirect")
            assert location == f"https://{NAME}/privacy"
            assert eventually(lambda: headers(tls=True).get("strict-transport-security"), "HSTS") == HSTS


def test_certificate_that_has_ended_is_used_with_a_warning_unless_a_better_one_is_left(
    tmp_path: Path, authority: Authority
) -> None:
    def used() -> tuple[int, str]:
        """Serial number, and what is said of it."""
        done = write_gateway(tmp_path, *PLACES, "--scratch", "/s", "--certificates", tmp_path / "tls", settings=HTTPS)
        assert (done.returncode, done.stdout) == (0, "The gateway's certificate is the operator's.\n"), done.stderr
        configuration = (tmp_path / "nginx.conf").read_text()
        chain, key = (Path(file) for file in re.findall(r'ssl_certificate(?:_key)? "(.+)";', configuration))
        assert [each.stat().st_mode & 0o777 for each in (chain, key)] == [0o440, 0o440]
        assert list((tmp_path / "certificates").iterdir()) == [chain.parent]
        return x509.load_pem_x509_certificates(chain.read_bytes())[0].serial_number, done.stderr

    ended = authority.issue(tmp_path / "tls", NAME, until=ENDED).serial_number
    said = (
        f"WARNING gateway: The certificate in {tmp_path / 'tls'} ended on 2020-01-02. Browsers refuse it: renew it.\n"
    )
    assert used() == (ended, said)
    good = authority.issue(tmp_path / "tls", NAME).serial_number
    assert used() == (good, "")
    authority.issue(tmp_path / "tls", NAME, until=ENDED)
    number, said = used()
    assert number == good
    assert "ended on 2020-01-02. The one of before stays, which ends on" in said


@pytest.mark.parametrize("public_url", ["http://slipbin.test", "https://slipbin.test"])
def test_with_a_certificate_that_signs_itself_nothing_is_redirected_or_remembered(
    nginx: str, webs: list[ContainedWebServer], public_url: str
) -> None:
    settings = {"MAIN_PUBLIC_URL": public_url}
    with temporary_folder() as folder, Gateway(folder / "gateway", webs, settings=settings) as gateway:
        with gateway.new_client(tls=True) as client:
            answers = [gateway.client.get("/privacy"), client.get("/privacy")]
        names = shown_certificate(gateway).extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    for answer in answers:
        assert answer.status_code == 200
        assert "strict-transport-security" not in answer.headers
    assert names.get_values_for_type(x509.DNSName) == ["slipbin.test", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_with_an_http_address_a_real_certificate_redirects_nothing(
    nginx: str, webs: list[ContainedWebServer], authority: Authority
) -> None:
    with temporary_folder() as folder:
        authority.issue(folder / "tls", "slipbin.test")
        with (
            Gateway(folder / "gateway", webs, certificates=folder / "tls") as gateway,
            gateway.new_client(tls=True) as tls,
        ):
            answers = [gateway.client.get("/privacy"), tls.get("/privacy")]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert not any("strict-transport-security" in answer.headers for answer in answers)


def test_certificate_that_was_made_stays_until_it_ends_or_the_name_changes(tmp_path: Path) -> None:
    def made(**settings: str) -> bytes:
        done = write_gateway(tmp_path, *PLACES, "--scratch", "/tmp/nginx", settings=settings)
        assert (done.returncode, done.stdout) == (0, "The gateway's certificate is self-signed.\n"), done.stderr
        return (tmp_path / "self-signed" / CHAIN).read_bytes()

    first = made(MAIN_PUBLIC_URL="http://a.example")
    assert made(MAIN_PUBLIC_URL="http://a.example:8000") == first
    second = made(MAIN_PUBLIC_URL="http://b.example")
    assert second != first
    (tmp_path / "self-signed" / KEY).unlink()
    assert made(MAIN_PUBLIC_URL="http://b.example") != second
    assert (tmp_path / "self-signed" / KEY).stat().st_mode & 0o777 == 0o440


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        ({}, "65m"),
        ({"MAIN_MAX_IMPORT_BYTES": str(2**20)}, "64m"),
        ({"MAIN_MAX_IMPORT_BYTES": str(2**30)}, "1025m"),
        ({"MAIN_MAX_TEXT_BYTES": str(20 * 2**20)}, "121m"),
    ],
)
def test_largest_body_follows_the_settings(tmp_path: Path, settings: dict[str, str], limit: str) -> None:
    done = write_gateway(
        tmp_path, *PLACES, "--scratch", "/tmp/nginx", settings=settings | {"MAIN_PUBLIC_URL": "http://a.example"}
    )

    assert done.returncode == 0, done.stderr
    assert f"client_max_body_size {limit};" in (tmp_path / "nginx.conf").read_text()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("no key", "privkey.pem is missing: a certificate consists of fullchain.pem and privkey.pem."),
        ("no certificate", "fullchain.pem is missing: a certificate consists of fullchain.pem and privkey.pem."),
        ("closed", "privkey.pem can't be read"),
        ("another key", "is not that of the certificate in"),
        ("text", "fullchain.pem is not a certificate in PEM format."),
        ("text for a key", "privkey.pem is not a private key in PEM format, without a password."),
    ],
)
def test_certificate_that_cant_be_used_is_refused_in_a_sentence(
    tmp_path: Path, authority: Authority, fault: str, says: str
) -> None:
    tls, other = tmp_path / "tls", tmp_path / "other"
    authority.issue(tls, NAME)
    authority.issue(other, NAME)
    match fault:
        case "no key":
            (tls / KEY).unlink()
        case "no certificate":
            (tls / CHAIN).unlink()
        case "closed":
            # As root may read any file, a folder stands in for one that may not be read.
            (tls / KEY).unlink()
            (tls / KEY).mkdir()
        case "another key":
            shutil.copy(other / KEY, tls / KEY)
        case "text":
            (tls / CHAIN).write_text("no certificate")
        case "text for a key":
            (tls / KEY).write_text("no key")

    done = write_gateway(tmp_path, *PLACES, "--scratch", "/tmp/nginx", "--certificates", tls, settings=HTTPS)

    assert done.returncode == 1
    assert done.stderr.startswith("The gateway can't start: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "MAIN_PUBLIC_URL: Field required"),
        ({"MAIN_PUBLIC_URL": "https://a.example/path"}, "MAIN_PUBLIC_URL: Value error, must not have a path"),
        ({**HTTPS, "MAIN_TRUSTED_PROXIES": "proxy.example"}, "MAIN_TRUSTED_PROXIES: "),
        ({**HTTPS, "MAIN_LIMIT_CONNECTIONS": "0"}, "MAIN_LIMIT_CONNECTIONS: "),
        ({**HTTPS, "SLIPBIN_GRAFANA_PATH": "grafana"}, "SLIPBIN_GRAFANA_PATH: "),
    ],
)
def test_setting_that_is_invalid_is_refused_in_a_sentence(tmp_path: Path, settings: dict[str, str], says: str) -> None:
    done = write_gateway(tmp_path, *PLACES, "--scratch", "/tmp/nginx", settings=settings)

    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
