"""Every test that disturbs a launcher gets a data folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launcher.launched import Launchers, empty_folder, launchers


@pytest.fixture
def data() -> Iterator[Path]:
    with empty_folder() as folder:
        yield folder


@pytest.fixture
def launcher(data: Path, tmp_path: Path) -> Iterator[Launchers]:
    """Starts launchers on the data folder."""
    with launchers(data, tmp_path) as made:
        yield made
