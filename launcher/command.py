"""Runs a command of main_service on the data folder of a launcher that is running."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from launcher.data.folder import open_data_folder
from launcher.data.lock import find_holder
from launcher.data.secrets import read_secrets
from launcher.env_file import with_env_file
from launcher.errors import StartError, option
from launcher.run_user import credentials, find_run_user
from launcher.services import (
    REPOSITORY,
    find_service_user,
    ignored_settings,
    own_settings,
    service_environment,
)

LOOKING = {"doctor", "status"}
"""Commands that diagnose, and so run although nothing else does."""


def run_command(path: Path, arguments: Sequence[str], *, environ: Mapping[str, str]) -> int:
    """Run `main_service` with `arguments` as the services run, at this terminal; return its exit status.

    `doctor` and `status` run although nothing else does: they say so.

    Raises:
        StartError: no launcher runs on the data folder.
    """
    if not path.is_dir():
        raise StartError(f"There is no data folder {path}: name that of `make run` with {option('data')}.")
    environ = with_env_file(environ)
    data = open_data_folder(path, find_run_user(environ))
    holder = find_holder(data)
    if holder is None:
        told = f"Nothing runs on the data folder {data.path}: start it with `make run` first."
        if not set(arguments) & LOOKING or not (data.path / "lock").exists():
            raise StartError(told)
        print(f"launcher: {told}", file=sys.stderr, flush=True)
    user = find_service_user(data.owner)
    # A launcher of `engines` has no address of its own.
    url = holder.address if holder and holder.address.startswith("http") else "http://localhost"
    secrets = read_secrets(data)
    ignored = ignored_settings(environ, own_settings(data, secrets))
    done = subprocess.run(
        [sys.executable, "-m", "main_service", *arguments],
        env={
            **service_environment(data, user=user, url=url, secrets=secrets, environ=environ),
            "SLIPBIN_IGNORED": ",".join(ignored),
            **({"SLIPBIN_WEB_URL": url, **holder.settings} if holder else {}),
        },
        cwd=REPOSITORY,
        check=False,
        **credentials(user),
    )
    return done.returncode if done.returncode >= 0 else os.EX_SOFTWARE
