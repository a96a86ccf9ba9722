"""What is to be imported: a file, standard input, or a folder, which is packed."""

import io
import os
import sys
import tarfile
from pathlib import Path

from slipbin_client.errors import ClientError
from slipbin_client.given_text import STANDARD_INPUT

MAX_BYTES = 64 * 1024 * 1024
"""The largest file that services import."""


def read_import_file(file: str) -> tuple[str, bytes]:
    """The name to show, and the bytes to send, of a file, of a folder, or for `-` of standard input.

    Raises:
        ClientError: it can't be read, is empty, or is larger than MAX_BYTES.
    """
    path = Path(file)
    try:
        if file == STANDARD_INPUT:
            name, data = "standard input", sys.stdin.buffer.read(MAX_BYTES + 1)
        elif path.is_dir():
            name, data = f"{path.resolve().name}.tar.gz", _packed(path)
        else:
            with path.open("rb") as opened:
                name, data = path.name, opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ClientError(f"{file} can't be read: {error.strerror or error}") from error
    if not data:
        raise ClientError(f"{name} is empty.")
    if len(data) > MAX_BYTES:
        raise ClientError(f"{name} is larger than {MAX_BYTES // 1024**2} MiB, the most that is imported at once.")
    return name, data


def _packed(folder: Path) -> bytes:
    """The files of a folder, in the order of their names, with their times. Links aren't followed."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for parent, folders, files in os.walk(folder):
            # The history of a clone isn't what it shows.
            folders[:] = sorted(name for name in folders if name != ".git")
            for name in sorted(files):
                path = Path(parent) / name
                if path.is_file() and not path.is_symlink():
                    archive.add(path, arcname=str(path.relative_to(folder)), filter=_without_owner)
                if target.tell() > MAX_BYTES:
                    return target.getvalue()
    return target.getvalue()


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
