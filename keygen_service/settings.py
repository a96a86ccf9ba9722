"""Settings of keygen_service, read from the environment and the file .env with the prefix KEYGEN_."""

import logging
import os
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from kombu.transport import TRANSPORT_ALIASES
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from redis import ConnectionPool
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

MISSING = "Set what is missing in the environment or in a file .env; .env.example lists all settings."
_ROOT = Path(__file__).resolve().parents[1]


def _check_redis(url: str) -> str:
    try:
        # Creating a connection refuses unknown options. Nothing is sent yet.
        ConnectionPool.from_url(url).make_connection()
    except (ValueError, TypeError, AttributeError, RedisError):
        # Their messages would show the address, and in it the password.
        raise ValueError(
            "must be redis://USER:PASSWORD@HOST:6379/0, rediss:// likewise, or unix:///PATH?db=0, and may have no"
            " options that the Redis client does not know"
        ) from None
    return url


def _check_broker(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    if scheme.lower() == "unix":
        raise ValueError("must be redis+socket:///PATH?virtual_host=1 for a unix socket")
    transport, plus, _ = scheme.partition("+")
    # kombu compares what stands before a plus case-sensitively.
    if separator and (transport if plus else transport.lower()) not in TRANSPORT_ALIASES:
        raise ValueError("must be redis://USER:PASSWORD@HOST:6379/1, rediss:// likewise, or another broker of Celery's")
    return url


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="KEYGEN_", env_ignore_empty=True, frozen=True, extra="ignore")

    redis_url: Annotated[str, AfterValidator(_check_redis)] = Field(
        repr=False,
        pattern=r"^(redis|rediss|unix)://",
        description="Redis that holds the pools: redis://, rediss:// or unix://.",
    )
    broker_url: Annotated[str, AfterValidator(_check_broker)] = Field(
        repr=False,
        description="Celery's broker. A unix socket is written redis+socket://PATH?virtual_host=N here.",
    )
    pool_size: int = Field(
        100_000, ge=1, le=10_000_000, description="Ready keys that each pool is filled up to. Default 100000."
    )
    metrics_port: int | None = Field(
        None, ge=1, le=65_535, description="Port on which /metrics can be read. Default: none."
    )
    metrics_host: str = Field(
        "127.0.0.1",
        description="Address on which KEYGEN_METRICS_PORT is listened to; 0.0.0.0 in containers. Default 127.0.0.1.",
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="How lines of the log are written: text for people, or json, one object a line. Default text.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The lowest level of our own lines: DEBUG, INFO, WARNING or ERROR. Default INFO."
    )


@cache
def load_settings() -> Settings:
    """The settings of this process; the environment wins over the file.

    Raises:
        pydantic.ValidationError: a setting is missing or invalid.
        OSError, UnicodeDecodeError: the file .env can't be read.
    """
    path = find_env_file()
    if path is not None:
        # pydantic would ignore a file that it can't read.
        path.read_text(encoding="utf-8")
    return Settings(_env_file=path, _env_file_encoding="utf-8")


def load_settings_or_exit(*, logs_warnings: bool = True) -> Settings:
    """The settings, or exit with a sentence for each that is invalid. Warnings about valid ones are logged.

    `logs_warnings`: False where the log is started later; call `log_warnings` then.
    """
    try:
        settings = load_settings()
    except OSError as error:
        sys.exit(f"{error.filename} can't be read: {error.strerror}.")
    except UnicodeDecodeError:
        sys.exit(f"{find_env_file()} can't be read: it is not UTF-8.")
    except ValidationError as error:
        sentences = [f"KEYGEN_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        if any(e["type"] == "missing" for e in error.errors()):
            sentences.append(MISSING)
        sys.exit("\n".join(sentences))
    if logs_warnings:
        log_warnings(settings)
    return settings


def log_warnings(settings: Settings) -> None:
    """Log a warning for each setting that is valid but may not do what the operator expects."""
    if "://" not in settings.broker_url:
        logger.warning("KEYGEN_BROKER_URL has no scheme like redis://, so it is taken for the host of an AMQP broker.")


def find_env_file() -> Path | None:
    """The file that SLIPBIN_ENV_FILE names (empty: none), else .env in the working directory or beside the code."""
    named = os.environ.get("SLIPBIN_ENV_FILE")
    if named is not None:
        return Path(named) if named else None
    return next((path for path in (Path(".env"), _ROOT / ".env") if path.is_file()), None)
