"""The certificate that the gateway shows: the operator's, or one that signs itself, made here."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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

CHAIN, KEY = "fullchain.pem", "privkey.pem"
"""The two files of a certificate, named as certbot names them."""
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
    """Whether browsers would only accept it after a warning."""


def find_certificate(given: Path | None, made: Path, host: str) -> Certificate:
    """The certificate in the folder `given`, or else one for `host` in the folder `made`, which is made if need be.

    Raises:
        CertificateError: there are files in `given`, but they can't be used.
    """
    if given is not None and _has_files(given):
        chain, key = given / CHAIN, given / KEY
        return Certificate(chain, key, is_self_signed=_check(chain, key))
    chain, key = made / CHAIN, made / KEY
    if not _is_good(chain, key, host):
        _make(chain, key, host)
    return Certificate(chain, key, is_self_signed=True)


def _has_files(folder: Path) -> bool:
    try:
        return any((folder / name).exists() for name in (CHAIN, KEY))
    except OSError as error:
        raise CertificateError(_closed(folder, error)) from error


def _check(chain: Path, key: Path) -> bool:
    """Whether the certificate signs itself.

    Raises:
        CertificateError: the files can't be read, or don't fit each other.
    """
    leaf = _load_chain(chain)
    private = _read(key)
    try:
        own = load_pem_private_key(private, password=None).public_key()
    except (ValueError, TypeError) as error:
        raise CertificateError(f"{key} is not a private key in PEM format, without a password.") from error
    if _bytes_of(own) != _bytes_of(leaf.public_key()):
        raise CertificateError(f"The key in {key} is not that of the certificate in {chain}.")
    if leaf.not_valid_after_utc <= datetime.now(UTC):
        raise CertificateError(
            f"The certificate in {chain} ended on {leaf.not_valid_after_utc:%Y-%m-%d}: renew it, or remove both files."
        )
    return _signs_itself(leaf)


def _load_chain(chain: Path) -> x509.Certificate:
    text = _read(chain)
    try:
        return x509.load_pem_x509_certificates(text)[0]
    except ValueError as error:
        raise CertificateError(f"{chain} is not a certificate in PEM format.") from error


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


def _is_good(chain: Path, key: Path, host: str) -> bool:
    """Whether a certificate that was made earlier is for this host, and for a while yet."""
    try:
        certificate = _load_chain(chain)
        _check(chain, key)
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
