"""Settings of main_service, read from the environment with the prefix MAIN_."""

from datetime import timedelta
from email.policy import SMTP
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from redis.asyncio.connection import parse_url
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

_FEWEST_DIFFERENT_CHARACTERS = 10


def _is_secret(secret: SecretStr) -> SecretStr:
    if len(set(secret.get_secret_value())) < _FEWEST_DIFFERENT_CHARACTERS:
        raise ValueError("is too simple to be a secret; make one with: openssl rand -hex 32")
    return secret


def _is_origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError("must look like https://paste.example.org")
    if parts.path not in ("", "/"):
        raise ValueError("must not have a path: the service needs a host name of its own")
    return url.rstrip("/")


def _networks(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _is_database(url: str) -> str:
    try:
        make_url(url)
    except (SQLAlchemyError, ValueError):
        # Their messages would show the address, and in it the password; so here and below.
        raise ValueError("must be postgresql+asyncpg://USER:PASSWORD@HOST:5432/NAME") from None
    return url


def _is_redis(url: str) -> str:
    try:
        parse_url(url)
    except ValueError:
        raise ValueError(
            "must be redis://USER:PASSWORD@HOST:6379/0, rediss:// likewise, or unix:///PATH?db=0"
        ) from None
    return url


def _is_body_store(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and len(parts.path) > 1:
        folder = Path(unquote(parts.path))
        if not next(part for part in (folder, *folder.parents) if part.exists()).is_dir():
            raise ValueError("must name a folder, and this is a file")
        return url
    if parts.scheme == "s3" and parts.netloc:
        return url
    raise ValueError("must be file:///FOLDER or s3://BUCKET/PREFIX")


def _is_mail_server(url: str) -> str:
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


def _is_sender(sender: str) -> str:
    if not sender.isprintable():
        raise ValueError("must be one line")
    header = SMTP.header_factory("From", sender)
    if header.defects or len(header.addresses) != 1 or not header.addresses[0].domain:
        raise ValueError("must look like Slipbin <noreply@paste.example.org>")
    return sender


def _is_token(token: SecretStr) -> SecretStr:
    if not token.get_secret_value().isascii() or not token.get_secret_value().isprintable():
        raise ValueError("must be printable ASCII, as it is sent in a header")
    return token


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="MAIN_", env_ignore_empty=True, frozen=True)

    secret: Annotated[SecretStr, AfterValidator(_is_secret)] = Field(
        min_length=32,
        description="Signs manage tokens and forms; at least 32 characters (openssl rand -hex 32). "
        "All manage tokens end when it changes.",
    )
    public_url: Annotated[str, AfterValidator(_is_origin)] = Field(
        description="Scheme, host and port under which people reach the service; makes every address it gives out."
    )
    database_url: Annotated[str, AfterValidator(_is_database)] = Field(
        repr=False,
        pattern=r"^postgresql\+asyncpg://",
        description="PostgreSQL: postgresql+asyncpg://USER:PASSWORD@HOST/NAME.",
    )
    database_pool_size: int = Field(
        10,
        ge=1,
        le=500,
        description="Connections to PostgreSQL that one web process keeps at most. Default 10.",
    )
    redis_url: Annotated[str, AfterValidator(_is_redis)] = Field(
        repr=False,
        pattern=r"^(redis|rediss|unix)://",
        description="Redis with keys and copies: redis://, rediss:// or unix://.",
    )
    broker_url: str = Field(
        repr=False,
        description="Celery's broker. A unix socket is written redis+socket://PATH?virtual_host=N here.",
    )
    body_store_url: Annotated[str, AfterValidator(_is_body_store)] = Field(
        description="Where texts are kept: file:///FOLDER or s3://BUCKET/PREFIX. "
        "S3 credentials are found as by the AWS tools (AWS_ACCESS_KEY_ID, profile, instance role)."
    )
    body_store_endpoint: str | None = Field(
        None,
        pattern=r"^https?://",
        description="Address of an S3 server other than Amazon's. Default: Amazon's.",
    )
    body_store_region: str = Field("us-east-1", description="Region of the bucket. Default us-east-1.")
    max_text_bytes: int = Field(
        10 * 1024 * 1024,
        ge=1,
        le=100 * 1024 * 1024,
        description="Largest text of a paste, in bytes of UTF-8. Default 10485760 (10 MiB).",
    )
    smtp_url: Annotated[str, AfterValidator(_is_mail_server)] | None = Field(
        None,
        repr=False,
        description="Mail server: smtp://USER:PASSWORD@HOST:587 (STARTTLS is required unless the host is this machine; "
        "?starttls=always or ?starttls=never decides), smtps://USER:PASSWORD@HOST:465 (TLS), or file:///FOLDER, "
        "which gets each letter as a file. Percent-encode signs like @ in user and password. Certificates are "
        "verified; SSL_CERT_FILE names authorities of your own. Default: none, letters wait.",
    )
    mail_from: Annotated[str, AfterValidator(_is_sender)] | None = Field(
        None,
        description="Sender of our letters. Default: Slipbin <noreply@HOST of MAIN_PUBLIC_URL>.",
    )
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)] = Field(
        (),
        description="Proxies in front of the service whose X-Forwarded-For is believed: addresses or networks, "
        "separated by commas. Default: none.",
    )
    fast_path: bool = Field(
        True,
        description="Whether redirects and small texts are answered in batches before the web framework. Default true.",
    )
    guest_lifetime: timedelta = Field(
        timedelta(days=10),
        gt=timedelta(0),
        le=timedelta(days=36_500),
        description="Lifetime of a guest's entry that names none; ISO 8601 duration. Default P10D.",
    )
    guest_max_lifetime: timedelta = Field(
        timedelta(days=365),
        gt=timedelta(0),
        le=timedelta(days=36_500),
        description="Longest lifetime a guest may ask for; ISO 8601 duration. Default P365D.",
    )
    user_lifetime: timedelta = Field(
        timedelta(days=30),
        gt=timedelta(0),
        le=timedelta(days=36_500),
        description="Lifetime of a user's entry that names none; ISO 8601 duration. Default P30D.",
    )
    user_max_lifetime: timedelta = Field(
        timedelta(days=3650),
        gt=timedelta(0),
        le=timedelta(days=36_500),
        description="Longest lifetime a user may ask for, other than none; ISO 8601 duration. Default P3650D.",
    )
    require_verified: bool = Field(
        False, description="Whether users must confirm their address before they create entries. Default false."
    )
    unused_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="Entries that were not used for so many days end. Default: none does for that.",
    )
    archive_retention: timedelta = Field(
        timedelta(days=400),
        ge=timedelta(0),
        le=timedelta(days=36_500),
        description="How long the facts of a user's ended entry are kept, without its text; ISO 8601 duration. "
        "Default P400D.",
    )

    visit_buffer: int = Field(
        100_000,
        ge=0,
        le=10_000_000,
        description="Visits that one web process keeps while Redis is away, at most. Default 100000.",
    )
    visit_ip: Literal["truncated", "full"] = Field(
        "truncated",
        description="Whether visitors' addresses are kept to the /24 (IPv6: /48), or in full. Default truncated.",
    )
    visit_respect_dnt: bool = Field(
        True,
        description="Whether of visitors who send DNT or Sec-GPC nothing but the visit is kept. Default true.",
    )
    visit_retention: timedelta = Field(
        timedelta(days=400),
        ge=timedelta(days=1),
        le=timedelta(days=36_500),
        description="How long single visits are kept, or up to a month longer: they go by months. Their counts stay. "
        "ISO 8601 duration. Default P400D.",
    )
    leaderboard: Literal["everyone", "users", "off"] = Field(
        "everyone",
        description="Who may see which public entries are visited most: everyone, only signed-in users, or off. "
        "Default everyone.",
    )
    report_lifetime: timedelta = Field(
        timedelta(days=7),
        gt=timedelta(0),
        le=timedelta(days=365),
        description="How long a report can be fetched; ISO 8601 duration. Default P7D.",
    )
    geoip_db: Path | None = Field(
        None, description="A country database in MaxMind's format (.mmdb). Default: none, countries are unknown."
    )

    unknown_keys_per_minute: int = Field(
        120,
        ge=1,
        le=1_000_000_000,
        description="Unknown keys that a client address (IPv6: a /64) may ask for in a minute before it must wait. "
        "Default 120.",
    )
    metrics_token: Annotated[SecretStr, AfterValidator(_is_token)] | None = Field(
        None,
        min_length=16,
        description="Who sends it as Authorization: Bearer may read /metrics; at least 16 characters. "
        "Default: none, and there is nothing at /metrics.",
    )

    @model_validator(mode="after")
    def _check_lifetimes(self) -> Self:
        if self.guest_lifetime > self.guest_max_lifetime:
            raise ValueError("MAIN_GUEST_LIFETIME must not be longer than MAIN_GUEST_MAX_LIFETIME")
        if self.user_lifetime > self.user_max_lifetime:
            raise ValueError("MAIN_USER_LIFETIME must not be longer than MAIN_USER_MAX_LIFETIME")
        return self


@cache
def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        pydantic.ValidationError: a setting is missing or out of bounds.
    """
    return Settings()
