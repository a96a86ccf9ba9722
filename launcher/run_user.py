"""The unprivileged user that the engines run as when the launcher is root."""

import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from launcher.errors import StartError


@dataclass(frozen=True)
class RunUser:
    """A user other than root that processes run as."""

    name: str
    uid: int
    gid: int
    home: str


def find_run_user(environ: Mapping[str, str]) -> RunUser | None:
    """The user that the engines run as: SLIPBIN_USER, else `slipbin`, else `nobody`; None if we are not root.

    Raises:
        StartError: SLIPBIN_USER is unknown or is root, or no such user exists.
    """
    if os.geteuid() != 0:
        return None
    wanted = environ.get("SLIPBIN_USER")
    for name in [wanted] if wanted else ["slipbin", "nobody"]:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid == 0:
            raise StartError(f"PostgreSQL refuses to run as root: set SLIPBIN_USER to another user than {name}.")
        return RunUser(name=name, uid=entry.pw_uid, gid=entry.pw_gid, home=entry.pw_dir)
    if wanted:
        raise StartError(f"SLIPBIN_USER names the user {wanted}, who does not exist on this machine.")
    raise StartError("PostgreSQL refuses to run as root: create a user `slipbin`, or name one in SLIPBIN_USER.")


class Credentials(TypedDict):
    """The arguments of subprocess.Popen for the user of a process."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


def credentials(user: RunUser | None) -> Credentials:
    """The arguments to run a process as `user`, without other groups; None: as the current user."""
    if user is None:
        return Credentials(user=None, group=None, extra_groups=None)
    return Credentials(user=user.uid, group=user.gid, extra_groups=[])


@contextmanager
def acting_as(user: RunUser | None) -> Iterator[None]:
    """Access files with this user's rights; None: with the current ones.

    When root writes into another user's folder, a link could lead it elsewhere; that user's rights prevent it.
    """
    if user is None:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(user.gid)
    os.seteuid(user.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def may_use(user: RunUser | None, path: Path, mode: int) -> bool:
    """Whether the user has `mode` (os.R_OK, os.X_OK) on the path, every folder above it included."""
    with acting_as(user):
        return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def find_closed_folder(user: RunUser | None, path: Path) -> Path | None:
    """The topmost existing folder on the way to `path`, itself included, that the user cannot enter."""
    for folder in [*reversed(path.parents), path]:
        if folder.exists() and not may_use(user, folder, os.X_OK):
            return folder
    return None
