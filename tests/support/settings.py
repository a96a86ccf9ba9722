"""Settings as objects, valid ones, and those of .env.example."""

import re
from contextlib import AbstractAsyncContextManager

from main_service.resources import Resources, open_resources
from main_service.settings import Settings
from tests.support.engines import REPOSITORY, SECRET, Environment

VALID_SETTINGS = {
    "secret": SECRET,
    "public_url": "https://paste.example.org",
    "database_url": "postgresql+asyncpg://slipbin@postgres/slipbin",
    "redis_url": "redis://valkey:6379/0",
    "broker_url": "redis://valkey:6379/1",
    "body_store_url": "s3://slipbin/bodies",
}
EXAMPLE = REPOSITORY / ".env.example"


def example_settings() -> dict[str, str]:
    """Name and value of each setting in .env.example, commented out or not."""
    return dict(re.findall(r"^(?:# )?((?:MAIN|KEYGEN)_[A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def settings_of(environment: Environment) -> Settings:
    values = {name[5:].lower(): value for name, value in environment.items() if name.startswith("MAIN_")}
    return Settings(**values)  # type: ignore[arg-type]


def task_resources(environment: Environment) -> AbstractAsyncContextManager[Resources]:
    """What the worker opens for a round of a task."""
    return open_resources(settings_of(environment), for_task=True)
