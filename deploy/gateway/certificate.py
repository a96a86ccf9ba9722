"""The gateway's certificate: a copy of the operator's, or a self-signed one that is made here.

nginx gets a copy, so that it never reads files that are being replaced, and keeps a valid certificate if an expired
one replaces it.
"""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.gateway.given_files import CHAIN, KEY

VALID = timedelta(days=397)
"""The longest that browsers accept."""
RENEW_BEFORE = timedelta(days=30)
READABLE_BY_GROUP = 0o440
"""nginx runs as a user of its own, and reads the key by its group."""


class CertificateError(Exception):
    """The operator's certificate can't be used. The text is a sentence for operators."""


@dataclass(frozen=True)
class Certificate:
    """Files that nginx is given."""

    chain: Path
    key: Path
    is_self_signed: bool
    """Whether it is self-signed, so that browsers warn of it."""
    warning: str | None = None
    """What is wrong with it, as a sentence for operators; None: nothing."""


@dataclass(frozen=True)
class _Pair:
    """The content of both files, which fit each other."""

    chain: bytes
    key: bytes
    leaf: x509.Certificate

    @property
    def has_ended(self) -> bool:
        return self.leaf.not_valid_after_utc <= datetime.now(UTC)

    @property
    def last_day(self) -> str:
        return f"{self.leaf.not_valid_after_utc:%Y-%m-%d}"


def find_certificate(given: Path | None, own: Path, host: str, *, keeps: bool) -> Certificate:
    """The certificate in the folder `given`, or else a self-signed one for `host`, as files below the folder `own`.

    An expired one is used only if the one that nginx has now is no better: browsers warn of it as of a self-signed one,
    and the metrics go on saying that it has expired. `keeps`: whether nginx keeps its certificate when `given` has none
    any more.

    Raises:
        CertificateError: there are files in `given`, but they can't be used.
    """
    copies = own / "certificates"
    before = _last_copy(copies)
    if given is not None and _has_files(given):
        pair = _load(given)
        if not pair.has_ended:
            return _copy(pair, copies)
        ended = f"The certificate in {given} ended on {pair.last_day}."
        if before is not None and not before.has_ended:
            return _copy(before, copies, f"{ended} The one of before stays, which ends on {before.last_day}: renew it.")
        return _copy(pair, copies, f"{ended} Browsers refuse it: renew it.")
    if keeps and before is not None:
        gone = f"There is no certificate in {given} any more. The one of before stays until the next start."
        return _copy(before, copies, gone)
    made = own / "self-signed"
    if not _is_good(made, host):
        _make(made / CHAIN, made / KEY, host)
    return Certificate(made / CHAIN, made / KEY, is_self_signed=True)


def remove_other_copies(certificate: Certificate, own: Path) -> None:
    """Remove the copies of certificates that no configuration names any more."""
    for folder in (own / "certificates").glob("*"):
        if folder != certificate.chain.parent:
            shutil.rmtree(folder, ignore_errors=True)


def _last_copy(copies: Path) -> _Pair | None:
    """The certificate that nginx has now; None: none that can be used."""
    for folder in sorted(copies.glob("*"), key=lambda each: each.stat().st_mtime, reverse=True):
        with suppress(CertificateError):
            return _load(folder)
    return None


def _copy(pair: _Pair, copies: Path, warning: str | None = None) -> Certificate:
    # A folder for each pair: chain and key are replaced together, by the configuration that names them.
    folder = copies / sha256(pair.chain + pair.key).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / KEY, pair.key)
    write(folder / CHAIN, pair.chain)
    return Certificate(folder / CHAIN, folder / KEY, is_self_signed=_signs_itself(pair.leaf), warning=warning)


def _has_files(folder: Path) -> bool:
    try:
        return any((folder / name).exists() for name in (CHAIN, KEY))
    except OSError as error:
        raise CertificateError(_closed(folder, error)) from error


def _load(folder: Path) -> _Pair:
    """The certificate in a folder, which may have ended.

    Raises:
        CertificateError: the files can't be read, or don't fit each other.
    """
    chain, key = folder / CHAIN, folder / KEY
    certificates = _read(chain)
    try:
        leaf = x509.load_pem_x509_certificates(certificates)[0]
    except ValueError as error:
        raise CertificateError(f"{chain} is not a certificate in PEM format.") from error
    private = _read(key)
    try:
        own = load_pem_private_key(private, password=None).public_key()
    except (ValueError, TypeError) as error:
        raise CertificateError(f"{key} is not a private key in PEM format, without a password.") from error
    if _bytes_of(own) != _bytes_of(leaf.public_key()):
        raise CertificateError(f"The key in {key} is not that of the certificate in {chain}.")
    return _Pair(certificates, private, leaf)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise CertificateError(f"{file} is missing: a certificate consists of {CHAIN} and {KEY}.") from error
    except OSError as error:
        raise CertificateError(_closed(file, error)) from error


def _closed(path: Path, error: OSError) -> str:
    return (
        f"{path} can't be read ({error.strerror}). It must be readable for the group {os.getegid()}:"
        f" chgrp {os.getegid()} and chmod g+r the files, chmod g+rx their folder."
    )


def _signs_itself(certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _bytes_of(key: object) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return encoded


def _is_good(folder: Path, host: str) -> bool:
    """Whether a certificate that was made earlier is for this host and valid for a while longer."""
    try:
        certificate = _load(folder).leaf
    except CertificateError:
        return False
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return _name(host) in names and certificate.not_valid_after_utc - RENEW_BEFORE > datetime.now(UTC)


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _make(chain: Path, key: Path, host: str) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Slipbin, self-signed")])
    now = datetime.now(UTC)
    names = dict.fromkeys([_name(host), _name("localhost"), _name("127.0.0.1"), _name("::1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        # A clock that is a little behind must not refuse it.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID - timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    chain.parent.mkdir(exist_ok=True)
    write(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    write(chain, certificate.public_bytes(Encoding.PEM))


def write(file: Path, content: bytes) -> None:
    """Replace a file as a whole, readable for our group; a reader sees either the old one or the new one."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, READABLE_BY_GROUP)
    with os.fdopen(descriptor, "wb") as new:
        # The umask may have taken the group's right away.
        os.fchmod(descriptor, READABLE_BY_GROUP)
        new.write(content)
    unfinished.rename(file)
