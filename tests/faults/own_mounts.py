"""Runs a program among mounts of its own, so that it can be given a tiny disk that no other process sees."""

import os
import subprocess


def own_mounts() -> list[str]:
    """The words to put before a command that mounts something; an ordinary user becomes root there, of nothing else."""
    way = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        tried = subprocess.run([*way, "true"], capture_output=True, text=True, check=False)
        fault = tried.stderr if tried.returncode else None
    except FileNotFoundError as error:
        fault = str(error)
    assert fault is None, f"This test needs mounts of its own, as Linux has them, and {' '.join(way)} fails: {fault}"
    return way


def own_user() -> list[str]:
    """The words to put before the program itself, inside, so that it runs as the user who runs the tests."""
    if os.geteuid() == 0:
        return []
    return ["unshare", "--user", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}"]
