"""The files through which web processes of one machine share metrics, in the folder of PROMETHEUS_MULTIPROC_DIR.

prometheus-client maps them into memory. It reads the variable once, when it is imported.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_KINDS = ("counter", "histogram", "gauge_livesum", "gauge_max")
"""The kinds of files that prometheus-client makes for a process: KIND_PID.db."""
_SIZE_BYTES = 256 * 1024
"""The size of a file: far more than our metrics need, as the library would otherwise lengthen it."""


def find_folder() -> Path | None:
    """The folder in which processes share metrics; None: this process counts for itself."""
    name = os.environ.get(_FOLDER)
    return Path(name) if name else None


def make_files() -> None:
    """Create this process's files. Call it before prometheus-client is imported.

    If that fails, the process counts for itself. The files are written in full: with a sparse file that is mapped, a
    full disk would end the process.
    """
    folder = find_folder()
    if folder is None:
        # prometheus-client would take an empty value for the working directory.
        os.environ.pop(_FOLDER, None)
        return
    try:
        for kind in _KINDS:
            file = folder / f"{kind}_{os.getpid()}.db"
            fresh = file.with_suffix(".new")
            fresh.write_bytes(bytes(_SIZE_BYTES))
            fresh.rename(file)
    except OSError as error:
        del os.environ[_FOLDER]
        logger.warning("This process counts for itself, its metrics can't be shared: %s", error)


def purge_gauges(folder: Path) -> None:
    """Delete the gauges of processes that have ended. Their counters stay counted."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if not _is_alive(int(pid)):
            # Another process may do the same.
            with suppress(FileNotFoundError):
                file.unlink()


def running_pids(folder: Path) -> list[int]:
    """The ids of running processes that share metrics in `folder`."""
    pids = {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*_*.db")}
    return [pid for pid in pids if _is_alive(pid)]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Another user's program has got the number since.
        return False
    return True
