"""The secrets that a data folder keeps for its services."""

import os
from contextlib import suppress
from pathlib import Path

from launcher.data.folder import DataFolder
from launcher.errors import StartError
from launcher.run_user import acting_as


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
