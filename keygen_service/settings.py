"""Settings of keygen_service, read from the environment with the prefix KEYGEN_."""

from functools import cache

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="KEYGEN_", env_ignore_empty=True, frozen=True)

    redis_url: str = Field(
        repr=False,
        pattern=r"^(redis|rediss|unix)://",
        description="Redis that holds the pools: redis://, rediss:// or unix://.",
    )
    broker_url: str = Field(
        repr=False,
        description="Celery's broker. A unix socket is written redis+socket://PATH?virtual_host=N here.",
    )
    pool_size: int = Field(
        100_000, ge=1, le=10_000_000, description="Ready keys that each pool is filled up to. Default 100000."
    )


@cache
def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        pydantic.ValidationError: a setting is missing or out of bounds.
    """
    return Settings()
