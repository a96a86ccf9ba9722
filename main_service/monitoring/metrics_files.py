"""The folder of PROMETHEUS_MULTIPROC_DIR, through which processes of one machine share metrics; keygen_service too.

prometheus-client maps a file of each process and kind into memory: `counter_PID.db`, `histogram_PID.db` and
`gauge_MODE_PID.db`. It reads the variable once, when it is imported. Beside them each process has `PID.role`: what it
is, and when it started, by which it is told from a later process with the same id. What ended processes have counted is
merged into `counter_ended.db` and `histogram_ended.db`, so that restarts leave no files behind.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_LASTING = ("counter", "histogram")
"""The kinds of files that count after the end of their process."""
_SIZES = {"counter": 128 * 1024, "histogram": 256 * 1024, "gauge_livesum": 16 * 1024, "gauge_livemax": 16 * 1024}
"""The size of a file of each kind, in bytes: more than our metrics need, as the library would otherwise lengthen it."""
_WEB_SIZES = _SIZES | {"counter": 512 * 1024, "histogram": 1024 * 1024}
"""Web processes have a series for each route, method and bucket."""
_ENDED = "ended"
_LOCK_SECONDS = 1.0


@dataclass(frozen=True)
class Member:
    """A running process that shares metrics in the folder."""

    pid: int
    role: str


def find_folder() -> Path | None:
    """The folder in which processes share metrics; None: this process counts for itself."""
    name = os.environ.get(FOLDER_VARIABLE)
    return Path(name) if name else None


def stay_out() -> None:
    """Count for this process only. For commands, which must not leave files among those of the services."""
    os.environ.pop(FOLDER_VARIABLE, None)


def join(role: str) -> None:
    """Make this process's files. Call it before prometheus-client is imported.

    If that fails, the process counts for itself. The files are written in full: with a sparse file that is mapped, a
    full disk would end the process.
    """
    folder = find_folder()
    if folder is None:
        # prometheus-client would take an empty value for the working directory.
        stay_out()
        return
    pid = os.getpid()
    try:
        with _locked(folder):
            for kind in _LASTING:
                with suppress(FileNotFoundError):
                    # Of an ended process with the same id.
                    (folder / f"{kind}_{pid}.db").rename(folder / f"{kind}_{pid}-{time.time_ns()}.db")
            # First, or another process could take its files for those of an ended one.
            _write(folder / f"{pid}.role", f"{role} {_started(pid)}".encode())
            for kind, size_bytes in (_WEB_SIZES if role == "web" else _SIZES).items():
                _write(folder / f"{kind}_{pid}.db", bytes(size_bytes))
    except OSError as error:
        stay_out()
        logger.warning("This process counts for itself, its metrics can't be shared: %s", error)
        return
    tidy(folder)


def join_as_worker(arguments: Sequence[str]) -> str | None:
    """Join as the worker or beat that Celery's command line starts; return its role. None: it is another command."""
    if "beat" in arguments:
        role = "main-beat"
    elif "worker" in arguments:
        role = "main-slow" if "main_service.slow" in arguments else "main-worker"
    else:
        stay_out()
        return None
    join(role)
    return role


def tidy(folder: Path) -> None:
    """Delete the gauges of processes that have ended, and merge what they counted."""
    with tidied(folder):
        pass


@contextmanager
def tidied(folder: Path) -> Iterator[list[Member]]:
    """The running processes; within the block no file is merged, so nothing counts twice."""
    with _locked(folder) as is_locked:
        if is_locked:
            _tidy(folder)
        yield members(folder)


def _tidy(folder: Path) -> None:
    try:
        running = {str(member.pid) for member in members(folder)}
        for file in folder.glob("*.role"):
            if file.stem not in running:
                file.unlink(missing_ok=True)
        for file in folder.glob("gauge_live*_*.db"):
            if _pid_in(file) not in running:
                file.unlink(missing_ok=True)
        for kind in _LASTING:
            _end_merge(folder, kind)
            ended = [file for file in folder.glob(f"{kind}_*.db") if _pid_in(file) not in (*running, _ENDED)]
            if ended:
                _merge(folder, kind, ended)
    except Exception as error:
        # An ended process may have left a broken file. What is there can still be read.
        logger.warning("Metrics of ended processes can't be merged: %r", error)


def _merge(folder: Path, kind: str, ended: list[Path]) -> None:
    """Add the files to that of ended processes and delete them.

    A process that is killed in between leaves the list of what it merges, by which `_end_merge` goes on: while the
    draft is there, nothing is done yet; without it, only deleting is left.
    """
    from prometheus_client.mmap_dict import MmapedDict, mmap_key
    from prometheus_client.multiprocess import MultiProcessCollector

    total, draft, merging = folder / f"{kind}_{_ENDED}.db", folder / f"{kind}.draft", folder / f"{kind}.merging"
    files = [*ended, *([total] if total.exists() else [])]
    metrics = MultiProcessCollector.merge([str(file) for file in files], accumulate=False)  # type: ignore[no-untyped-call]
    _write(draft, bytes(sum(file.stat().st_size for file in files)))
    written = MmapedDict(str(draft))  # type: ignore[no-untyped-call]
    for metric in metrics:
        for sample in metric.samples:
            names, values = list(sample.labels), list(sample.labels.values())
            key = mmap_key(metric.name, sample.name, names, values, metric.documentation)
            written.write_value(key, sample.value, 0.0)  # type: ignore[no-untyped-call]
    used = written._used
    written.close()  # type: ignore[no-untyped-call]
    os.truncate(draft, used)
    _write(merging, "\n".join(file.name for file in ended).encode())
    draft.rename(total)
    _end_merge(folder, kind)


def _end_merge(folder: Path, kind: str) -> None:
    draft, merging = folder / f"{kind}.draft", folder / f"{kind}.merging"
    if merging.exists() and not draft.exists():
        for name in merging.read_text().splitlines():
            (folder / name).unlink(missing_ok=True)
    draft.unlink(missing_ok=True)
    merging.unlink(missing_ok=True)


def members(folder: Path) -> list[Member]:
    """The running processes that share metrics there."""
    found = []
    for file in folder.glob("*.role"):
        try:
            role, _, started = file.read_text().partition(" ")
        except FileNotFoundError:
            continue
        if file.stem.isdigit() and _is_alive(int(file.stem), started):
            found.append(Member(int(file.stem), role))
    return found


def _pid_in(file: Path) -> str:
    return file.stem.rpartition("_")[2]


def _is_alive(pid: int, started: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # The id now belongs to a process of another user.
        return False
    return _started(pid) == started


def _started(pid: int) -> str:
    """When a process started, in ticks since the start of the system; empty if it is over, or the system is silent."""
    try:
        # The name of the program, in brackets, may hold spaces and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    # A zombie stays until its parent reads its exit code.
    return "" if fields[0] in "ZX" else fields[19]


def _write(file: Path, content: bytes) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.rename(file)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Keep other processes from changing the files. False: one that has the lock hangs, and is not waited for."""
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        yield _take(descriptor)
    finally:
        os.close(descriptor)


def _take(lock: int) -> bool:
    deadline = time.monotonic() + _LOCK_SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return True
    return False
