"""What a run was made on and with."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("fastapi", "pydantic", "uvicorn", "httptools", "uvloop", "asyncpg", "redis")


def describe(*, nginx: str, wrk: str) -> list[str]:
    """Lines of text."""
    # nginx prints its version to standard error, and wrk exits with 1 after printing its own.
    nginx_version = subprocess.run([nginx, "-v"], capture_output=True, text=True, timeout=10).stderr.strip()
    wrk_version = subprocess.run([wrk, "-v"], capture_output=True, text=True, timeout=10)
    wrk_line = (wrk_version.stdout or wrk_version.stderr).splitlines()[0]
    return [
        f"{_processor()}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}",
        f"{platform.python_implementation()} {platform.python_version()}, "
        + ", ".join(f"{package} {version(package)}" for package in _PACKAGES),
        f"{nginx_version.removeprefix('nginx version: ')}, {wrk_line.split(' Copyright')[0]}",
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
