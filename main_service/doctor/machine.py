"""Checks this machine: disks, open files, memory overcommit, and the file of countries."""

import os
import resource
import tempfile
from pathlib import Path

import maxminddb

from main_service.doctor.findings import Report
from main_service.engines.disk_floor import free_bytes
from main_service.settings import Settings

MIN_FILES = 4096
"""Each client takes one descriptor, and each connection to an engine another."""
MIN_TEMPORARY_BYTES = 64 * 1024 * 1024
"""Reports are built in the folder for temporary files."""
_OVERCOMMIT = Path("/proc/sys/vm/overcommit_memory")
_MEBIBYTE = 1024 * 1024


async def check_machine(report: Report) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MIN_FILES:
        report.warn(
            f"A process may open only {hard} files and connections.",
            "Raise the hard limit: LimitNOFILE=65536 with systemd, ulimits with Docker, else limits.conf.",
        )
    else:
        report.ok("Enough files may be open.")
    temporary = Path(tempfile.gettempdir())
    if not os.access(temporary, os.W_OK | os.X_OK):
        report.problem(f"{temporary} can't be written, where reports are built.", "Change its rights, or set TMPDIR.")
    elif free_bytes(temporary) < MIN_TEMPORARY_BYTES:
        report.problem(
            f"{temporary}, where reports are built, has only {free_bytes(temporary) // _MEBIBYTE} MiB left.",
            "Make room there, or set TMPDIR to another folder.",
        )
    for path in (Path("/"), Path.cwd()):
        disk = os.statvfs(path)
        if disk.f_blocks and disk.f_bavail / disk.f_blocks < 0.05:
            report.warn(
                f"The disk of {path} is nearly full: {disk.f_bavail * disk.f_frsize // _MEBIBYTE} MiB are left.",
                "Make room: the engines stop taking writes when theirs is full.",
            )
            break


def judge_overcommit(report: Report) -> None:
    """Whether a Redis on this machine can fork to rewrite its file when it holds much data."""
    try:
        mode = _OVERCOMMIT.read_text().strip()
    except OSError:
        return
    if mode == "0":
        report.warn(
            "This machine may refuse Redis the memory to rewrite its file when more than half is taken.",
            "As root: sysctl vm.overcommit_memory=1, and the same line in /etc/sysctl.d.",
        )


async def check_countries(settings: Settings, report: Report) -> None:
    path = settings.geoip_db
    if path is None or path == "off":
        report.ok("Countries come from the database that is part of Slipbin." if path is None else "They are off.")
        return
    try:
        with maxminddb.open_database(path):
            report.ok(f"Countries come from {path}.")
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        why = getattr(error, "strerror", None) or "it is no database in MaxMind's format"
        report.problem(
            f"The file of MAIN_GEOIP_DB can't be read: {path}: {why}. Countries are unknown.",
            "Put the file there, readable by the worker; no restart is needed.",
        )
