"""The file `.env`, with settings of the operator."""

from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from launcher.errors import StartError

PATH_VARIABLE = "SLIPBIN_ENV_FILE"
_ROOT = Path(__file__).resolve().parents[1]
_OURS = ("MAIN_", "KEYGEN_")
_OTHERS = ("AWS_", "OTEL_", "SSL_CERT_")
_FOLDERS = ("SLIPBIN_TLS", "SLIPBIN_ACME")
"""Folders for the gateway. Compose, which reads the same file, takes what begins otherwise for a volume of its own."""


def with_env_file(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ`, completed by the settings of the file.

    A service interprets an empty setting of its own; an empty value of another counts as not set.

    The file is the one that SLIPBIN_ENV_FILE names (empty: none), else `.env` in the working directory or, if there is
    none, beside the code. Services that get the result do not look for the file again.

    Raises:
        StartError: it cannot be read.
    """
    path = _find(environ)
    values: Mapping[str, str | None] = {}
    if path is not None:
        try:
            with path.open(encoding="utf-8") as file:
                values = dotenv_values(stream=file)
        except OSError as error:
            raise StartError(f"{path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise StartError(f"{path} cannot be read: it is not UTF-8.") from error
    settings = {
        name: value or ""
        for name, value in values.items()
        if name.startswith(_OURS)
        or (value and name.startswith(_OTHERS))
        or (value and name in _FOLDERS and value.startswith(("/", ".")))
    }
    return {**settings, **environ, PATH_VARIABLE: ""}


def _find(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(PATH_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    return next((path for path in (Path(".env"), _ROOT / ".env") if path.is_file()), None)
