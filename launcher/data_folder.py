"""The data folder: its layout, owner, lock and secrets."""

import errno
import fcntl
import os
import pwd
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import StartError, option
from launcher.run_user import RunUser, acting_as, find_closed_folder

MAX_SOCKET_PATH_BYTES = 103
"""The longest path that fits into a socket address on every platform."""


@dataclass(frozen=True)
class DataFolder:
    """An absolute folder that holds all data of one Slipbin, and the user that owns it (None: our own)."""

    path: Path
    owner: RunUser | None

    @property
    def postgres(self) -> Path:
        """The PostgreSQL cluster."""
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's append-only file."""
        return self.path / "valkey"

    @property
    def run(self) -> Path:
        """Sockets and process ids; emptied at each start. Users who can enter it can do anything with the data."""
        return self.path / "run"

    @property
    def bodies(self) -> Path:
        """The texts, written by our services."""
        return self.path / "bodies"

    @property
    def beat(self) -> Path:
        """Schedule files of the Celery beats, written by our services."""
        return self.path / "beat"

    @property
    def outbox(self) -> Path:
        """Emails as files, written by our services when they have no mail server."""
        return self.path / "outbox"

    @property
    def metrics(self) -> Path:
        """The files through which our processes share metrics; emptied at each start."""
        return self.path / "metrics"

    @property
    def logs(self) -> Path:
        """The log files of all programs, written by a launcher on a terminal."""
        return self.path / "logs"

    @property
    def gateway(self) -> Path:
        """What nginx is started with, written at each start with a gateway; its certificate is kept."""
        return self.path / "gateway"

    @property
    def bin(self) -> Path:
        """Copies of engines that their user can't execute in place."""
        return self.path / "bin"

    @property
    def postgres_socket(self) -> Path:
        """The socket of PostgreSQL, with the name that it gives to that of its default port."""
        return self.run / ".s.PGSQL.5432"

    @property
    def valkey_socket(self) -> Path:
        """The socket of Valkey."""
        return self.run / "valkey.sock"

    @property
    def web_socket(self) -> Path:
        """The socket of the web processes behind a gateway."""
        return self.run / "web.sock"


def open_data_folder(path: Path, owner: RunUser | None) -> DataFolder:
    """Create the folder, or check that it is ours.

    Raises:
        StartError: it cannot be created or reached, its path is unusable, or it belongs to another user.
    """
    data = DataFolder(path.resolve(), owner)
    longest = len(os.fsencode(data.postgres_socket))
    if longest > MAX_SOCKET_PATH_BYTES:
        raise StartError(
            f"The path of the data folder {data.path} is {longest - MAX_SOCKET_PATH_BYTES} bytes too long"
            f" for the sockets inside it: choose a shorter one with {option('data')}."
        )
    if "," in str(data.path) or not str(data.path).isprintable():
        raise StartError(f"The path {str(data.path)!r} has a sign that addresses of PostgreSQL cannot hold.")
    _check_way(data)
    try:
        data.path.mkdir(mode=0o700)
    except FileExistsError:
        _check_existing(data)
    except OSError as error:
        raise StartError(f"The data folder {data.path} cannot be made: {error.strerror}.") from error
    _take_over(data)
    return data


def prepare_inside(data: DataFolder) -> None:
    """Create the folders of the engines and empty `run`; only under the lock, with no engine left running."""
    with acting_as(data.owner):
        for folder in (data.run, data.valkey, data.bin):
            folder.mkdir(mode=0o700, exist_ok=True)
        if data.run.is_symlink() or data.run.stat().st_uid != os.geteuid():
            raise StartError(
                f"{data.run} is not a folder of our own, so the engines would be open to others: remove it."
            )
        # The engines ask for no password: only this mode keeps other users out.
        data.run.chmod(0o700)
        for entry in data.run.iterdir():
            entry.unlink()


def prepare_for_services(data: DataFolder, user: RunUser | None) -> None:
    """Create the folders that our services write to, owned by the user as whom they run this time."""
    for top in (data.bodies, data.beat, data.outbox, data.gateway, data.metrics):
        with acting_as(data.owner):
            top.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            _hand_over(top, user.uid if user else 0, user.gid if user else 0)
    _empty(data.metrics)


def _check_way(data: DataFolder) -> None:
    parent = data.path.parent
    closed = find_closed_folder(data.owner, parent)
    if closed:
        who = f"The user {data.owner.name}, whom the engines run as," if data.owner else "This user"
        raise StartError(
            f"{who} cannot enter {closed}, so the data folder {data.path} cannot be used:"
            f" choose another with {option('data')}."
        )
    if not parent.is_dir():
        raise StartError(f"The data folder {data.path} cannot be made: there is no folder {parent}.")


def _check_existing(data: DataFolder) -> None:
    if not data.path.is_dir():
        raise StartError(f"{data.path} is not a folder: choose another with {option('data')}.")
    owner_uid = data.path.stat().st_uid
    wanted_uid = data.owner.uid if data.owner else os.geteuid()
    try:
        names = [entry.name for entry in data.path.iterdir()]
    except PermissionError as error:
        raise StartError(
            f"The data folder {data.path} belongs to {_user_name(owner_uid)} and is closed to us."
        ) from error
    if names and "lock" not in names:
        raise StartError(
            f"{data.path} is not empty and holds no Slipbin data: choose another folder with {option('data')}."
        )
    if owner_uid != wanted_uid and (names or not data.owner):
        hint = f" set SLIPBIN_USER={_user_name(owner_uid)}, or" if data.owner and owner_uid else ""
        raise StartError(
            f"The data folder {data.path} belongs to {_user_name(owner_uid)},"
            f" not to {_user_name(wanted_uid)}:{hint} choose another with {option('data')}."
        )


def _take_over(data: DataFolder) -> None:
    descriptor = os.open(data.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if data.owner:
            os.fchown(descriptor, data.owner.uid, data.owner.gid)
        os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)


def _hand_over(top: Path, uid: int, gid: int) -> None:
    if top.lstat().st_uid == uid:
        return
    for _, folders, files, descriptor in os.fwalk(top, topdown=False):
        for name in files + folders:
            # A symbolic or hard link must not give away a file elsewhere.
            if name in folders or os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_nlink == 1:
                os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)
    # The top folder comes last, so that an interrupted walk is repeated.
    os.chown(top, uid, gid, follow_symlinks=False)


def _empty(top: Path) -> None:
    """Delete everything in `top`, but nothing that a link leads to."""
    descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with os.scandir(descriptor) as files:
            for file in files:
                os.unlink(file.name, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


class Lock:
    """Makes sure that a data folder has one launcher. Held while it runs; the kernel releases it at its end."""

    def __init__(self, data: DataFolder, *, address: str) -> None:
        """Take the lock.

        address: what to tell a second launcher about this one.

        Raises:
            StartError: another launcher holds it.
        """
        with acting_as(data.owner):
            self._descriptor = os.open(data.path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise StartError(f"The data folder {data.path} cannot be locked: {error.strerror}.") from error
            pid, _, other = _read_when_written(self._descriptor).partition("\n")[0].partition(" ")
            raise StartError(
                f"The data folder {data.path} is in use by process {pid} ({other}):"
                f" stop that one first, or choose another folder with {option('data')}."
            ) from error
        self.describe(address)

    def release(self) -> None:
        """Let the next launcher in; the end of the process does the same."""
        os.close(self._descriptor)

    def describe(self, address: str, settings: Mapping[str, str] | None = None) -> None:
        """Write the holder's process id, `address` and `settings` into the lock file."""
        lines = [f"{os.getpid()} {address}", *(f"{name}={value}" for name, value in (settings or {}).items()), ""]
        text = "\n".join(lines).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))


@dataclass(frozen=True)
class Holder:
    """What a launcher tells of itself in its lock."""

    address: str
    settings: Mapping[str, str]
    """Settings of its services that only it knows."""


def find_holder(data: DataFolder) -> Holder | None:
    """The launcher that holds the lock; None if there is none."""
    try:
        with acting_as(data.owner):
            descriptor = os.open(data.path / "lock", os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        first, *settings = _read_when_written(descriptor).splitlines()
        pairs = (line.partition("=") for line in settings)
        return Holder(first.partition(" ")[2], {name: value for name, _, value in pairs})
    finally:
        os.close(descriptor)
    return None


def _read_when_written(descriptor: int) -> str:
    # The holder writes its address just after taking the lock.
    for _ in range(100):
        text = os.pread(descriptor, 1000, 0).decode(errors="replace").strip()
        if text:
            return text
        time.sleep(0.01)
    return "unknown unknown address"


def read_secrets(data: DataFolder) -> dict[str, str]:
    """The settings in `secrets.env`, which is created with a random MAIN_SECRET if it is missing.

    Raises:
        StartError: the file has no MAIN_SECRET.
    """
    path = data.path / "secrets.env"
    with acting_as(data.owner):
        if not path.exists():
            _write_secrets(path)
        path.chmod(0o600)
        lines = path.read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if "=" in line and not line.startswith("#")]
    secrets = {key.strip(): value.strip() for key, value in pairs}
    if not secrets.get("MAIN_SECRET"):
        raise StartError(f"{path} has no MAIN_SECRET: restore the file, or remove it to get new secrets.")
    return secrets


def _write_secrets(path: Path) -> None:
    fresh = path.with_suffix(".new")
    with suppress(FileNotFoundError):
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"MAIN_SECRET={os.urandom(32).hex()}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
