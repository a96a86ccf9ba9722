"""The data folder: its layout and its owner."""

import os
import pwd
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
    """Create the folders that our services write to, owned by the user that they run as this time."""
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
