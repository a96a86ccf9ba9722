"""Settings of main_service, read from the environment and the file .env with the prefix MAIN_."""

import logging
import sys
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator

from main_service.settings import rules
from main_service.settings.doors import DoorSettings
from main_service.settings.env_file import EnvFileError, read_env_file
from main_service.settings.limits import LimitSettings
from main_service.settings.log_settings import LogSettings
from main_service.settings.proxies import ProxySettings

logger = logging.getLogger(__name__)

MISSING = "Set what is missing in the environment or in a file .env; .env.example lists all settings."


class Settings(DoorSettings, LimitSettings, LogSettings, ProxySettings):
    secret: Annotated[SecretStr, AfterValidator(rules.check_secret)] = Field(
        min_length=32,
        description="Signs manage tokens and forms; at least 32 characters (openssl rand -hex 32). "
        "Changing it invalidates all manage tokens.",
    )
    secret_file: Path | None = Field(
        None,
        description="A file with MAIN_SECRET, which is read if that is not set. Default: none.",
    )
    public_url: Annotated[str, AfterValidator(rules.to_origin)] = Field(
        description="Scheme, host and port at which people reach the service; every link begins with it."
    )
    database_url: Annotated[str, AfterValidator(rules.check_database)] = Field(
        repr=False,
        pattern=r"^postgresql\+asyncpg://",
        description="PostgreSQL: postgresql+asyncpg://USER:PASSWORD@HOST/NAME.",
    )
    database_pool_size: int = Field(
        10,
        ge=1,
        le=500,
        description="Most connections to PostgreSQL of one web process. Default 10.",
    )
    redis_url: Annotated[str, AfterValidator(rules.check_redis)] = Field(
        repr=False,
        pattern=r"^(redis|rediss|unix)://",
        description="Redis with keys and the cache of entries: redis://, rediss:// or unix://.",
    )
    broker_url: Annotated[str, AfterValidator(rules.check_broker)] = Field(
        repr=False,
        description="Celery's broker. A unix socket is written redis+socket://PATH?virtual_host=N here.",
    )
    body_store_url: Annotated[str, AfterValidator(rules.check_body_store)] = Field(
        description="Where texts are kept: file:///FOLDER or s3://BUCKET/PREFIX. "
        "S3 credentials are found as by the AWS tools (AWS_ACCESS_KEY_ID, profile, instance role)."
    )
    body_store_endpoint: Annotated[str, AfterValidator(rules.check_endpoint)] | None = Field(
        None,
        description="Address of an S3 server other than Amazon's. Default: Amazon's.",
    )
    body_store_region: str = Field("us-east-1", description="Region of the bucket. Default us-east-1.")
    body_store_min_free_bytes: int = Field(
        512 * 1024 * 1024,
        ge=0,
        le=10**18,
        description="With file:///FOLDER: new texts are refused when less than this is free on its disk. 0: never. "
        "Default 536870912 (512 MiB).",
    )
    max_text_bytes: int = Field(
        10 * 1024 * 1024,
        ge=1,
        le=100 * 1024 * 1024,
        description="Largest text of a paste, in bytes of UTF-8. Default 10485760 (10 MiB).",
    )
    smtp_url: Annotated[str, AfterValidator(rules.check_mail_server)] | None = Field(
        None,
        repr=False,
        description="Mail server: smtp://USER:PASSWORD@HOST:587 (STARTTLS is required unless the host is this machine; "
        "?starttls=always or ?starttls=never decides), smtps://USER:PASSWORD@HOST:465 (TLS), or file:///FOLDER, "
        "which gets each email as a file. Percent-encode signs like @ in user and password. Certificates are "
        "verified; SSL_CERT_FILE names authorities of your own. Default: none, emails wait.",
    )
    mail_from: Annotated[str, AfterValidator(rules.check_sender)] | None = Field(
        None,
        description="Sender of emails. Default: Slipbin <noreply@HOST of MAIN_PUBLIC_URL>.",
    )
    fast_path: bool = Field(
        True,
        description="Whether redirects and small texts are answered in batches before the web framework. Default true.",
    )
    guest_lifetime: timedelta = Field(
        timedelta(days=10),
        gt=timedelta(0),
        le=timedelta(days=36_500),
        description="Default lifetime of a guest's entry; ISO 8601 duration. Default P10D.",
    )
    detect_languages: bool = Field(
        True,
        description="Whether to look for the language of a paste that names none, in a process that ends when idle. "
        "Default true.",
    )
    guest_max_lifetime: timedelta = Field(
        timedelta(days=365),
        gt=timedelta(0),
        le=timedelta(days=36_500),
        description="Longest lifetime of a guest's entry; ISO 8601 duration. Default P365D.",
    )
    user_lifetime: timedelta = Field(
        timedelta(days=30),
        gt=timedelta(0),
        le=timedelta(days=36_500),
        description="Default lifetime of a user's entry; ISO 8601 duration. Default P30D.",
    )
    user_max_lifetime: timedelta = Field(
        timedelta(days=3650),
        gt=timedelta(0),
        le=timedelta(days=36_500),
        description="Longest lifetime of a user's entry, other than never; ISO 8601 duration. Default P3650D.",
    )
    require_verified: bool = Field(
        False, description="Whether users must confirm their email before they create entries. Default false."
    )
    unused_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="End entries that weren't used for this many days. Default: never.",
    )
    archive_retention: timedelta = Field(
        timedelta(days=400),
        ge=timedelta(0),
        le=timedelta(days=36_500),
        description="How long the data of a user's ended entry is kept, without its text; ISO 8601 duration. "
        "Default P400D.",
    )
    unconfirmed_retention: Annotated[timedelta | None, BeforeValidator(lambda value: value or None)] = Field(
        timedelta(days=30),
        ge=timedelta(days=1),
        le=timedelta(days=36_500),
        description="How long an account that owns nothing and has no confirmed email is kept, from the last "
        "email to confirm it; ISO 8601 duration. Empty: until its owner deletes it. Default P30D.",
    )

    visit_buffer: int = Field(
        100_000,
        ge=0,
        le=10_000_000,
        description="Most visits that one web process keeps while Redis is down. Default 100000.",
    )
    visit_ip: Literal["truncated", "full"] = Field(
        "truncated",
        description="Whether IP addresses of visitors are cut to the /24 (IPv6: /48), or full. Default truncated.",
    )
    visit_respect_dnt: bool = Field(
        True,
        description="Whether only the time of a visit is stored if the browser sends DNT or Sec-GPC. Default true.",
    )
    visit_retention: timedelta = Field(
        timedelta(days=400),
        ge=timedelta(days=1),
        le=timedelta(days=36_500),
        description="How long single visits are kept, or up to a month longer. Their counts stay. "
        "ISO 8601 duration. Default P400D.",
    )
    leaderboard: Literal["everyone", "users", "off"] = Field(
        "everyone",
        description="Who can see the most visited public entries: everyone, users who are signed in, or off. "
        "Default everyone.",
    )
    report_lifetime: timedelta = Field(
        timedelta(days=7),
        gt=timedelta(0),
        le=timedelta(days=365),
        description="How long a report can be downloaded; ISO 8601 duration. Default P7D.",
    )
    geoip_db: Literal["off"] | Path | None = Field(
        None,
        union_mode="left_to_right",
        description="A country database in MaxMind's format (.mmdb), or off: countries are unknown. Default: the one "
        "that comes along (IPFire Location).",
    )

    key_filter_max_bytes: int = Field(
        2**30,
        ge=2**20,
        le=2**36,
        description="The most memory of Redis, in bytes, that the filter of used keys grows to; 2 to 5 bytes a key. "
        "With more keys than it has room for, more of the unknown ones are looked for in PostgreSQL. Default "
        "1073741824 (1 GiB), for 590 million keys.",
    )
    abuse_contact: Annotated[str, AfterValidator(rules.check_contact)] | None = Field(
        None,
        description="Where people report abuse and security problems, on every page and in /.well-known/security.txt: "
        "an email address or a URL. Default: none, and there is nothing at /.well-known/security.txt.",
    )
    metrics_token: Annotated[SecretStr, AfterValidator(rules.check_token)] | None = Field(
        None,
        min_length=16,
        description="Requests that send it as Authorization: Bearer can read /metrics; at least 16 characters. "
        "Default: none, and there is nothing at /metrics.",
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65_535,
        description="Port on which /metrics can be read without a token. Of processes that share a folder for metrics "
        "one listens. Default: none.",
    )
    metrics_host: str = Field(
        "127.0.0.1",
        description="Address on which MAIN_METRICS_PORT is listened to; 0.0.0.0 in containers. Default 127.0.0.1.",
    )
    tls_address: str | None = Field(
        None,
        pattern=r"^.+:[0-9]{1,5}$",
        description="HOST:PORT where TLS is served for MAIN_PUBLIC_URL, as seen from the web processes: metrics tell "
        "when its certificate ends. Default: none.",
    )

    @property
    def email_notice(self) -> str:
        """A sentence for users who wait for an email, while no mail server is set; empty if one is."""
        delivers = self.smtp_url is not None and not self.smtp_url.startswith("file:")
        if delivers:
            return ""
        return (
            "This site has no mail server yet and writes emails into its outbox folder: look there if you run it, "
            "else ask the people who do."
        )

    def warnings(self) -> list[str]:
        """A sentence for each setting that is valid but may not do what the operator expects; without secrets."""
        found = {
            "MAIN_DATABASE_URL": rules.database_url_warnings(self.database_url),
            "MAIN_BROKER_URL": rules.broker_url_warnings(self.broker_url),
        }
        return [f"{name} {warning}." for name, warnings in found.items() for warning in warnings]

    @model_validator(mode="before")
    @classmethod
    def _read_secret_file(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Read by every command at its start, so that containers need no entry script."""
        file = given.get("secret_file")
        return given if given.get("secret") or not file else given | {"secret": rules.read_secret(Path(file))}

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        if any(quota.amount < self.max_text_bytes for quota in self.limit_bytes):
            raise ValueError("MAIN_LIMIT_BYTES must not be less than MAIN_MAX_TEXT_BYTES")
        return self

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
        pydantic.ValidationError: a setting is missing or invalid.
        EnvFileError: the file .env can't be read.
    """
    read_env_file()
    return Settings()


def load_settings_or_exit(*, logs_warnings: bool = True) -> Settings:
    """The settings, or exit with a sentence for each that is invalid. Warnings about valid ones are logged.

    `logs_warnings`: False where the log is started later; call `log_warnings` then.
    """
    try:
        settings = load_settings()
    except EnvFileError as error:
        sys.exit(f"main_service can't start:\n{error}")
    except ValidationError as error:
        names = ("".join(f"MAIN_{part}: ".upper() for part in e["loc"][:1]) for e in error.errors())
        sentences = [name + e["msg"] for name, e in zip(names, error.errors(), strict=True)]
        if any(e["type"] == "missing" for e in error.errors()):
            sentences.append(MISSING)
        sys.exit("main_service can't start:\n" + "\n".join(sentences))
    if logs_warnings:
        log_warnings(settings)
    return settings


def log_warnings(settings: Settings) -> None:
    """Log a warning for each setting that is valid but may not do what the operator expects."""
    for warning in settings.warnings():
        logger.warning(warning)
