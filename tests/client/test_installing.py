"""`pip install ./client` in an empty virtual environment brings the command, three dependencies, nothing of ours."""

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.engines import REPOSITORY
from tests.support.installing import NotInstalledError, find_or_install

CLIENT = REPOSITORY / "client"
LEFT_OUT = shutil.ignore_patterns("__pycache__", "build", "*.egg-info", "slipbin.1")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The virtual environment, which is kept outside the repository until the client changes."""
    source = tmp_path_factory.mktemp("source") / "client"
    shutil.copytree(CLIENT, source, ignore=LEFT_OUT)
    files = sorted(path for path in source.rglob("*") if path.is_file())
    made_of = sha256(sys.version.encode() + b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    kept_in = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipbin-tests"
    folder = kept_in / f"client-{made_of}"
    is_whole = folder / "is-whole"
    install = (
        (sys.executable, "-m", "venv", "--clear", str(folder)),
        (str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(source)),
        ("touch", str(is_whole)),
    )
    try:
        return find_or_install("command-line-client", lambda: folder if is_whole.exists() else None, [install])
    except NotInstalledError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"the client can't be installed: {error}")


def test_client_is_installed_by_pip(installed: Path, tmp_path: Path) -> None:
    listed = [str(installed / "bin/python"), "-m", "pip", "list", "--format", "freeze", "--disable-pip-version-check"]
    names = {line.partition("==")[0] for line in subprocess.check_output(listed, text=True).splitlines()}

    assert {"slipbin-client", "typer", "httpx", "rich"} <= names
    assert not names & {"fastapi", "keyring", "slipbin"}
    # From its own environment, with nothing of the repository beside it.
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    command = [str(installed / "bin/slipbin"), "--version"]
    assert subprocess.check_output(command, cwd=tmp_path, env=environment, text=True) == "slipbin 0.1.0\n"
    command = [str(installed / "bin/slipbin"), "list"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, "Say which site" in done.stderr) == (2, True)
