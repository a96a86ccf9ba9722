"""The folder of PROMETHEUS_MULTIPROC_DIR, through which the processes of both services may share metrics.

prometheus-client maps a file of each process and kind into memory, `KIND_PID.db`. Beside them stands `PID.role`: what
the process is, and when it started. main_service, which has the same rules, merges what ended processes have counted.
"""

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_SIZES = {"counter": 16 * 1024, "histogram": 16 * 1024, "gauge_livemax": 16 * 1024}
"""The size of a file of each kind, in bytes: more than our metrics need, as the library would otherwise lengthen it."""


def find_folder() -> Path | None:
    """The folder in which processes share metrics; None: this process counts for itself."""
    name = os.environ.get(FOLDER_VARIABLE)
    return Path(name) if name else None


def join_as_worker(arguments: Sequence[str]) -> str | None:
    """Make the files of the worker or beat that Celery's command line starts; return its role.

    None: it is another command, which leaves none. Call it before prometheus-client is imported. If it fails, the
    process counts for itself. The files are written in full: with a sparse file that is mapped, a full disk would end
    the process.
    """
    role = next((f"keygen-{name}" for name in ("beat", "worker") if name in arguments), None)
    folder = find_folder()
    if role is None or folder is None:
        # prometheus-client would take an empty value for the working directory.
        os.environ.pop(FOLDER_VARIABLE, None)
        return role
    pid = os.getpid()
    try:
        for kind in ("counter", "histogram"):
            if (file := folder / f"{kind}_{pid}.db").exists():
                # Of an ended process with the same id.
                file.rename(folder / f"{kind}_{pid}-{time.time_ns()}.db")
        _write(folder / f"{pid}.role", f"{role} {_started()}".encode())
        for kind, size_bytes in _SIZES.items():
            _write(folder / f"{kind}_{pid}.db", bytes(size_bytes))
    except OSError as error:
        os.environ.pop(FOLDER_VARIABLE)
        logger.warning("This process counts for itself, its metrics can't be shared: %s", error)
    return role


def _started() -> str:
    """When this process started, in ticks since the start of the system; empty where the system does not tell."""
    try:
        # The name of the program, in brackets, may hold spaces and brackets.
        return Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _write(file: Path, content: bytes) -> None:
    fresh = file.with_suffix(f".new-{os.getpid()}")
    fresh.write_bytes(content)
    fresh.rename(file)
