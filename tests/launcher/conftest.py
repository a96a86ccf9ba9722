"""Every test gets a data folder of its own, with a path short enough for sockets."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launcher.launched import Launchers, launchers


@pytest.fixture
def data() -> Iterator[Path]:
    """An empty folder."""
    folder = Path(tempfile.mkdtemp(prefix="slipbin-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def launcher(data: Path, tmp_path: Path) -> Iterator[Launchers]:
    """Starts launchers on the data folder."""
    with launchers(data, tmp_path) as made:
        yield made


@pytest.fixture(autouse=True, scope="session")
def _heed_interrupts() -> None:
    """A shell that starts the tests in the background has SIGINT ignored, and so would every program they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
