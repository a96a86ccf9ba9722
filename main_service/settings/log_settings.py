"""Settings of logs."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class LogSettings(BaseSettings):
    """The settings of logs among `Settings`. They are read alone, too: before it is known whether all are valid."""

    model_config = SettingsConfigDict(env_prefix="MAIN_", env_ignore_empty=True, frozen=True)

    log_format: Literal["text", "json"] = Field(
        "text",
        description="How lines of the log are written: text for people, or json, one object a line. Default text.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        description="The lowest level of our own lines: DEBUG, INFO, WARNING or ERROR. Libraries are not logged "
        "below WARNING, but for Celery and Alembic, which say at INFO what they begin. Default INFO.",
    )
    access_log: bool = Field(
        False,
        description="Whether each answer of a web process is logged, without keys, queries and whole addresses. "
        "Default false.",
    )
