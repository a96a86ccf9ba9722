"""`python -m main_service doctor` on mail servers and on what answers at MAIN_PUBLIC_URL."""

from datetime import timedelta
from pathlib import Path

from tests.main_service.doctor.examined import PASSWORD, RANDOM, examine
from tests.main_service.doctor.small_servers import web_page
from tests.support.certificates import make_certificate, server_context
from tests.support.engines import Environment
from tests.support.smtp_server import SmtpServer


def test_mail_server_that_refuses_or_offers_no_encryption(broken: Environment, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "certificate.pem")
    with SmtpServer(credentials=("slip", RANDOM), tls=server_context(certificate)) as server:
        url = f"smtp://slip:{PASSWORD}@127.0.0.1:{server.port}?starttls=always"
        trusting = {"MAIN_SMTP_URL": url, "SSL_CERT_FILE": str(certificate)}
        refused = examine(broken | trusting)
        untrusted = examine(broken | {"MAIN_SMTP_URL": url})
        let_in = examine(broken | trusting | {"MAIN_SMTP_URL": url.replace(PASSWORD, RANDOM)})
    with SmtpServer() as server:
        plain = examine(broken | {"MAIN_SMTP_URL": f"{server.url}?starttls=always"})

    assert "refuses user or password (535). -> Correct them in MAIN_SMTP_URL" in refused.problem("mail")
    assert "signed by an authority that is not trusted here" in untrusted.problem("mail")
    assert "lets us in, with TLS" in let_in.of("mail", "ok")
    assert "does not offer STARTTLS" in plain.problem("mail")
    assert PASSWORD not in refused.said + untrusted.said
    assert not server.inbox.recipients


def test_missing_mail_server_is_told(broken: Environment) -> None:
    found = examine({name: value for name, value in broken.items() if name != "MAIN_SMTP_URL"})

    assert "emails wait, and are given up two days later" in found.of("mail", "warning")


def test_public_url_at_which_something_else_answers(broken: Environment, tmp_path: Path) -> None:
    expired = make_certificate(tmp_path / "expired.pem", ends_in=-timedelta(days=1))
    soon = make_certificate(tmp_path / "soon.pem", ends_in=timedelta(days=3, hours=1))
    found = []
    for page, trusted in (
        (web_page(), None),
        (web_page(status=301, location="https://elsewhere.example/?secret"), None),
        (web_page(status=502), None),
        (web_page(tls=server_context(expired)), expired),
        (web_page(tls=server_context(soon)), None),
        (web_page(tls=server_context(soon)), soon),
    ):
        with page as url:
            own = {} if trusted is None else {"SSL_CERT_FILE": str(trusted)}
            found.append(examine(broken | own | {"MAIN_PUBLIC_URL": url}))
    other, moved, no_web, over, unknown, ending = found
    with web_page(tls=server_context(expired)) as url:
        inside = examine(broken | {"MAIN_TLS_ADDRESS": url.removeprefix("https://")})

    assert "Something other than Slipbin answers" in other.wrong("public URL")
    assert "redirects to https://elsewhere.example/," in moved.wrong("public URL")
    assert "can't reach a web process (502)" in no_web.wrong("public URL")
    assert "has expired. -> Renew it" in over.wrong("public URL")
    assert "has expired. -> Renew it" in inside.problem("certificate")
    assert "authority that is not trusted" in unknown.wrong("public URL")
    assert "ends in 3 days" in ending.of("public URL", "warning")
