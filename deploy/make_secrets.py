"""Makes the secrets of a new installation, once: python make_secrets.py FOLDER FOR_POSTGRES FOR_SEAWEEDFS.

A file that is there is never changed, so that every start after the first one finds what the first one made. Those in
FOLDER are for our own services, and can be read by their user only. Each engine has a folder with a copy of its own
secret, which can be read by the group too.
"""

import json
import os
import secrets
import sys
from pathlib import Path

OURS = 0o400
SHARED = 0o440


def make_secrets(folder: Path, for_postgres: Path, for_seaweedfs: Path) -> None:
    """Write what is missing in the three folders. A run that is killed leaves whole files only."""
    keep(folder / "main_secret", secrets.token_urlsafe(48), mode=OURS)

    password = keep(folder / "postgres_password", secrets.token_hex(32), mode=OURS)
    keep(for_postgres / "postgres_password", password, mode=SHARED)
    # Found by PGPASSFILE: any host and port, the database and the user of the compose file.
    keep(folder / "pgpass", f"*:*:slipbin:slipbin:{password}\n", mode=OURS)

    identity = keep(folder / "s3.json", _s3_identity(), mode=OURS)
    keep(for_seaweedfs / "s3.json", identity, mode=SHARED)
    key = json.loads(identity)["identities"][0]["credentials"][0]
    # Found by AWS_SHARED_CREDENTIALS_FILE.
    lines = ("[default]", f"aws_access_key_id = {key['accessKey']}", f"aws_secret_access_key = {key['secretKey']}", "")
    keep(folder / "aws_credentials", "\n".join(lines), mode=OURS)


def _s3_identity() -> str:
    """SeaweedFS's file of those who may use its S3 server: only us."""
    key = {"accessKey": secrets.token_hex(10).upper(), "secretKey": secrets.token_urlsafe(32)}
    identity = {"name": "slipbin", "credentials": [key], "actions": ["Admin"]}
    return json.dumps({"identities": [identity]}, indent=2) + "\n"


def keep(file: Path, content: str, *, mode: int) -> str:
    """The content of `file`, which is made of `content` if it is missing."""
    if not file.exists():
        write(file, content, mode=mode)
    return file.read_text()


def write(file: Path, content: str, *, mode: int) -> None:
    """Write `file`, whole or not at all."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as unfinished_file:
        # The umask may have taken the group's right away.
        os.fchmod(descriptor, mode)
        unfinished_file.write(content)
        unfinished_file.flush()
        os.fsync(descriptor)
    unfinished.rename(file)


if __name__ == "__main__":
    make_secrets(*map(Path, sys.argv[1:]))
