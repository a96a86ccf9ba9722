"""Writes what nginx is started with into one folder."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from deploy.gateway.certificate import Certificate, find_certificate, remove_other_copies, write
from deploy.gateway.error_pages import ERRORS, STYLE_FILES, error_files, policy
from deploy.gateway.given_files import digest
from deploy.gateway.settings import ConnectionSettings, GatewaySettings, SharedSettings
from deploy.gateway.watch import TAKEN_UP
from main_service.entries.aliases import RESERVED_WORDS
from main_service.web.bodies.limits import largest_body_bytes
from main_service.web.client_address import INNER_NETWORKS
from main_service.web.headers import DEFAULTS

HERE = Path(__file__).resolve().parent
STYLES = HERE.parent.parent / "static" / "style"
MARK = HERE.parent.parent / "static" / "favicon.svg"
MEBIBYTE = 1024 * 1024
WORKER_CONNECTIONS = 8192
"""Connections of each nginx process; a request that is passed on takes two."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the gateway listens, what it stands in front of, and the folders it uses."""

    http: str
    """Address and port, as nginx writes them."""
    https: str
    status: str
    """Address of nginx's own figures. It must not be reachable from outside."""
    web: Sequence[str]
    """Host and port of each web process, or of a name that stands for several."""
    resolver: str | None
    """Address of the name server that is asked every second which addresses `web` has; None: they are fixed."""
    scratch: Path
    """A folder that nginx may write to."""
    certificates: Path | None
    """The folder of the operator's certificate; there may be none in it."""
    challenges: Path | None
    """The folder of what a certificate authority asks for below /.well-known/acme-challenge/."""
    access_log: str = "/dev/stdout"
    grafana: str | None = None
    """Host and port of Grafana, which is shown under SLIPBIN_GRAFANA_PATH if that is set."""


def write_gateway(folder: Path, places: Places, *, is_running: bool = False) -> Certificate:
    """Write configuration, pages, start script and certificate; the certificate.

    `is_running`: whether a gateway runs on it, which keeps its certificate where that of the operator is gone.

    Raises:
        CertificateError: the operator's certificate can't be used.
        pydantic.ValidationError: a setting is invalid.
    """
    shared = SharedSettings()
    own = GatewaySettings()
    templates = Environment(
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=select_autoescape(["html.jinja"]),
    )
    host = urlsplit(shared.public_url).hostname or ""
    seen = digest(places.certificates)
    certificate = find_certificate(places.certificates, folder, host, keeps=is_running)
    style = "".join((STYLES / name).read_text() for name in STYLE_FILES)
    pages = folder / "pages"
    pages.mkdir(exist_ok=True)
    for name, text in error_files(templates, style=style, mark=MARK.read_text()):
        write(pages / name, text.encode())
    values = {
        "places": places,
        "shared": shared,
        "own": own,
        "host": host if ":" not in host else f"[{host}]",
        "worker_connections": WORKER_CONNECTIONS,
        "limit_connections": ConnectionSettings().limit_connections,
        "certificate": certificate,
        # Only then is the gateway sure to be where people arrive, by https and without a warning.
        "is_public_tls": shared.public_url.startswith("https://") and not certificate.is_self_signed,
        "max_body_mebibytes": -(-largest_body_bytes(shared.max_text_bytes, shared.max_import_bytes) // MEBIBYTE),
        "pages": pages,
        "inner_networks": INNER_NETWORKS,
        # The first parts of our own addresses.
        "words": sorted(map(re.escape, RESERVED_WORDS)),
        "statuses": [error.status.value for error in ERRORS if error.status != 431],
        "page_headers": {**DEFAULTS, "content-security-policy": policy(style), "cache-control": "no-store"},
    }
    template = templates.get_template("nginx.conf.jinja")
    for name, is_new in (("nginx.conf", True), ("nginx-1.22.conf", False)):
        write(folder / name, template.render(values, is_new=is_new).encode())
    write(folder / "start.sh", (HERE / "start.sh").read_bytes())
    remove_other_copies(certificate, folder)
    write(folder / TAKEN_UP, seen.encode())
    return certificate
