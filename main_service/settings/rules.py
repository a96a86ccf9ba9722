"""Validation of addresses, names and secrets in the settings. Error messages never repeat a value."""

import re
from email.policy import SMTP
from inspect import signature
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
from pydantic import SecretStr
from pydantic_core import Url
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import RedisError
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

_MIN_DIFFERENT_CHARACTERS = 10
_ORIGIN = re.compile(r"https?://[^\s/\\?#@]+/?", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9._-]*[a-z0-9][a-z0-9._-]*|\[[0-9a-f:.]+\]")
_EMAIL = re.compile(r"[^\s@<>,;:()\"\\]+@[^\s@<>,;:()\"\\]+")
_NO_ORIGIN = ValueError("must look like https://paste.example.org")
_DATABASE_OPTIONS = signature(asyncpg.connect).parameters.keys() | {
    *("prepared_statement_cache_size", "async_fallback", "plugin")
}
"""The options of an address that asyncpg, or SQLAlchemy for it, takes."""
_NOT_AS_TEXT = {
    *("loop", "connection_class", "record_class", "max_cached_statement_lifetime", "max_cacheable_statement_size"),
    "statement_cache_size",
}
"""Those that asyncpg takes as an object or a number, which a URL can't express."""
_SET_BY_US = {"timeout", "command_timeout", "server_settings"}
_TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def read_secret(file: Path) -> str:
    """The content of MAIN_SECRET_FILE, without white space around it."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ValueError(f"MAIN_SECRET_FILE can't be read: {reason}") from error


def check_secret(secret: SecretStr) -> SecretStr:
    if len(set(secret.get_secret_value())) < _MIN_DIFFERENT_CHARACTERS:
        raise ValueError("is too simple to be a secret; make one with: openssl rand -hex 32")
    return secret


def to_origin(url: str) -> str:
    """Scheme, host and port as browsers send them: in lower case, and a non-ASCII host in punycode."""
    try:
        parsed = Url(url)
        has_user = bool(parsed.username or parsed.password)
    except ValueError:
        raise _NO_ORIGIN from None
    if parsed.scheme not in ("http", "https") or not parsed.host or has_user or parsed.query is not None:
        raise _NO_ORIGIN
    if parsed.fragment is not None or not _ORIGIN.match(url) or not _HOST.fullmatch(parsed.host):
        raise _NO_ORIGIN
    if parsed.path not in (None, "/"):
        raise ValueError("must not have a path: the service needs a host name of its own")
    return str(parsed).rstrip("/")


def check_database(url: str) -> str:
    try:
        options = make_url(url).query
    except (SQLAlchemyError, ValueError):
        # Without the original error, whose message would show the password in the URL; the same applies below.
        raise ValueError("must be postgresql+asyncpg://USER:PASSWORD@HOST:5432/NAME") from None
    if "sslmode" in options:
        raise ValueError("must say ?ssl= where other programs say ?sslmode=")
    if unknown := options.keys() - _DATABASE_OPTIONS:
        raise ValueError(f"has options that are not known: {', '.join(sorted(unknown))}")
    if wrong := options.keys() & _NOT_AS_TEXT:
        raise ValueError(f"must not have these options, which can't be set in an address: {', '.join(sorted(wrong))}")
    tls_mode = options.get("ssl", "disable")
    if not isinstance(tls_mode, str) or tls_mode.replace("_", "-") not in _TLS_MODES:
        raise ValueError(f"must say one of these after ?ssl=: {', '.join(_TLS_MODES)}")
    return url


def database_url_warnings(url: str) -> list[str]:
    """Warnings about a valid URL that may not do what the operator expects, as parts of sentences."""
    idle = sorted(make_url(url).query.keys() & _SET_BY_US)
    return [f"has options that change nothing for the service, which sets its own: {', '.join(idle)}"] if idle else []


def check_redis(url: str) -> str:
    try:
        # Creating a connection refuses unknown options. Nothing is sent yet.
        BlockingConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, AttributeError, RedisError):
        raise ValueError(
            "must be redis://USER:PASSWORD@HOST:6379/0, rediss:// likewise, or unix:///PATH?db=0, and may have no"
            " options that the Redis client does not know"
        ) from None
    return url


BROKERS = frozenset({
    "SLMQ", "SQS", "amqp", "amqps", "azureservicebus", "azurestoragequeues", "confluentkafka", "consul", "etcd",
    "filesystem", "gcpubsub", "kafka", "librabbitmq", "memory", "mongodb", "pgmq", "pyamqp", "pyro", "qpid",
    "redis", "rediss", "sentinel", "slmq", "sqla", "sqlalchemy", "sqs", "zookeeper",
})  # fmt: skip
"""The transports of kombu, Celery's library. Importing it would cost a web process 5 MB, so a test compares."""


def check_broker(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    if scheme.lower() == "unix":
        raise ValueError("must be redis+socket:///PATH?virtual_host=1 for a unix socket")
    transport, plus, _ = scheme.partition("+")
    # kombu compares what stands before a plus case-sensitively.
    if separator and (transport if plus else transport.lower()) not in BROKERS:
        raise ValueError("must be redis://USER:PASSWORD@HOST:6379/1, rediss:// likewise, or another broker of Celery's")
    return url


def broker_url_warnings(url: str) -> list[str]:
    """Warnings about a valid URL that may not do what the operator expects, as parts of sentences."""
    return [] if "://" in url else ["has no scheme like redis://, so it is taken for the host of an AMQP broker"]


def check_body_store(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and len(parts.path) > 1:
        folder = Path(unquote(parts.path))
        if not next(part for part in (folder, *folder.parents) if part.exists()).is_dir():
            raise ValueError("must name a folder, and this is a file")
        return url
    if parts.scheme == "s3" and parts.netloc:
        return url
    raise ValueError("must be file:///FOLDER or s3://BUCKET/PREFIX")


def check_endpoint(url: str) -> str:
    try:
        parsed = Url(url)
    except ValueError:
        raise ValueError("must look like https://s3.example.org") from None
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
        raise ValueError("must look like https://s3.example.org")
    return url


def check_mail_server(url: str) -> str:
    wrong = ValueError("must be smtp://USER:PASSWORD@HOST:587, smtps://USER:PASSWORD@HOST:465 or file:///FOLDER")
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
    except ValueError:
        raise wrong from None
    if parts.scheme == "file" and not parts.netloc and len(parts.path) > 1 and not parts.query:
        return url
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or not has_port or parts.path not in ("", "/"):
        raise wrong
    if bool(parts.username) != bool(parts.password):
        raise ValueError("must have both a user and a password, or neither")
    known = [("starttls", "always"), ("starttls", "never")] if parts.scheme == "smtp" else []
    if parts.fragment or (parts.query and parse_qsl(parts.query, keep_blank_values=True) not in [[it] for it in known]):
        raise ValueError("may end with ?starttls=always or ?starttls=never if it is smtp://, and with nothing else")
    return url


def check_sender(sender: str) -> str:
    if not sender.isprintable():
        raise ValueError("must be one line")
    header = SMTP.header_factory("From", sender)
    if header.defects or len(header.addresses) != 1 or not header.addresses[0].domain:
        raise ValueError("must look like Slipbin <noreply@paste.example.org>")
    return sender


def check_contact(contact: str) -> str:
    wrong = ValueError("must be an email address like abuse@example.org, or a URL that begins with https://")
    if "://" in contact:
        try:
            parsed = Url(contact)
        except ValueError:
            raise wrong from None
        if parsed.scheme not in ("http", "https") or not contact.isascii() or not contact.isprintable():
            raise wrong
        return contact
    address = contact.removeprefix("mailto:")
    if not address.isprintable() or not _EMAIL.fullmatch(address):
        raise wrong
    return address


def check_token(token: SecretStr) -> SecretStr:
    if not token.get_secret_value().isascii() or not token.get_secret_value().isprintable():
        raise ValueError("must be printable ASCII, as it is sent in a header")
    return token
