"""The files through which the web processes of one machine share their figures, if PROMETHEUS_MULTIPROC_DIR names a
folder for them. prometheus-client maps them into memory; it asks for the folder once, when it is imported."""

import logging
import os
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_KINDS = ("counter", "gauge_livesum")
"""As prometheus-client names a process's files: KIND_PID.db."""
_SIZE_BYTES = 16 * 1024
"""Far more than our figures need, or the library would lengthen the file."""


def find_folder() -> Path | None:
    """None: this process counts for itself."""
    name = os.environ.get(_FOLDER)
    return Path(name) if name else None


def make_files() -> None:
    """Make this process's files, before anything imports prometheus-client; where that fails, it counts for itself.

    Their blocks are written, not only promised: on a full disk a mapped file with holes would end the process.
    """
    folder = find_folder()
    if folder is None:
        # Set but empty, it would mean the folder we are in.
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
        logger.warning("This process counts for itself, its figures can't be shared: %s", error)


def forget_gauges_of_the_dead(folder: Path) -> None:
    """What a process counted stays counted when it has ended; what it held is gone."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if not _is_alive(int(pid)):
            # Another process may be at it, too.
            with suppress(FileNotFoundError):
                file.unlink()


def living(folder: Path) -> list[int]:
    """The process ids of those that share their figures there and run."""
    pids = {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*_*.db")}
    return [pid for pid in pids if _is_alive(pid)]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Somebody else's program has got the number.
        return False
    return True
