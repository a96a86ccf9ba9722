"""The machine of a run: the programs and cores that it needs, and how it is described."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.errors import BenchmarkError

_PACKAGES = {"uvicorn": "uvicorn", "FastAPI": "fastapi", "Pydantic": "pydantic", "httptools": "httptools"} | {
    "uvloop": "uvloop",
    "hiredis": "hiredis",
    "redis-py": "redis",
    "asyncpg": "asyncpg",
}


@dataclass(frozen=True, kw_only=True)
class Machine:
    nginx: str
    wrk: str
    core: int
    """The core of the servers under test."""
    load_core: int
    """The core of wrk and the engines."""


def find_machine() -> Machine:
    """The machine that this runs on, with its programs and the cores to use.

    Raises:
        BenchmarkError: it lacks something.
    """
    path = os.environ.get("PATH", os.defpath)
    # nginx is mostly where only root looks.
    nginx, wrk = shutil.which("nginx", path=f"{path}:/usr/local/sbin:/usr/sbin"), shutil.which("wrk", path=path)
    if nginx is None or wrk is None:
        missing = " and ".join(name for name, found in (("nginx", nginx), ("wrk", wrk)) if found is None)
        raise BenchmarkError(f"The benchmarks need {missing}, which this machine does not have.")
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        raise BenchmarkError("The benchmarks need Linux and two cores: one for those measured, one for the load.")
    core, load_core = sorted(os.sched_getaffinity(0))[:2]
    return Machine(nginx=nginx, wrk=wrk, core=core, load_core=load_core)


def describe_machine() -> str:
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory_bytes / 2**30:.0f} GiB,"
        f" {platform.system()} {platform.release()}"
    )


def describe_versions(machine: Machine) -> str:
    """The versions of everything except the engines."""
    # nginx prints its version to standard error, and wrk exits with 1 after printing its own.
    nginx = subprocess.run([machine.nginx, "-v"], capture_output=True, text=True, timeout=10).stderr.strip()
    wrk = subprocess.run([machine.wrk, "-v"], capture_output=True, text=True, timeout=10)
    packages = (f"{name} {version(package)}" for name, package in _PACKAGES.items())
    return ", ".join(
        [
            f"{platform.python_implementation()} {platform.python_version()}",
            *packages,
            nginx.rpartition("/")[0].rpartition(" ")[2] + " " + nginx.rpartition("/")[2],
            (wrk.stdout or wrk.stderr).splitlines()[0].split(" [")[0],
        ]
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
