"""The file `.env`, for services that are started by hand: its settings are read as if they were in the environment."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parents[2]
PATH_VARIABLE = "SLIPBIN_ENV_FILE"
_PREFIXES = ("AWS_", "OTEL_", "SSL_CERT_")


class EnvFileError(Exception):
    """The file can't be read. The message is a sentence for operators."""


def read_env_file() -> None:
    """Put the settings of the file into the environment, where they do not replace what is already set.

    The settings say what an empty value of ours means (mostly: not set); an empty value of another counts as not set.

    The file is the one that SLIPBIN_ENV_FILE names (empty: none), else `.env` in the working directory or, if there is
    none, beside the code.

    Raises:
        EnvFileError: the file can't be read.
    """
    path = find_env_file(os.environ)
    if path is None:
        return
    try:
        with path.open(encoding="utf-8") as file:
            values = dotenv_values(stream=file)
    except (OSError, UnicodeDecodeError) as error:
        raise EnvFileError(f"{path} can't be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.") from error
    for name, value in values.items():
        if name.startswith("MAIN_") or (value and name.startswith(_PREFIXES)):
            os.environ.setdefault(name, value or "")


def find_env_file(environ: Mapping[str, str]) -> Path | None:
    """The file that `read_env_file` reads; None if there is none."""
    named = environ.get(PATH_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    return next((path for path in (Path(".env"), ROOT / ".env") if path.is_file()), None)
