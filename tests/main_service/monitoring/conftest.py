"""Engines of their own for tests that break the tables, and that look at every line."""

from collections.abc import Iterator

import pytest

from tests.support.engines import Environment, running_engines, temporary_folder


@pytest.fixture(scope="package")
def logging_environment() -> Iterator[Environment]:
    with temporary_folder() as folder, running_engines(folder) as settings:
        yield settings
