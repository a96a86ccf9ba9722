"""The commands of docs/operating.md that save an installation of `make run` and restore it into a new one."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.engines import REPOSITORY, START_SECONDS, running_engines, temporary_folder
from tests.support.entries import create_link, create_paste
from tests.support.web import WebServer

PAGE = REPOSITORY / "docs/operating.md"
TARGET = "https://example.org/saved"
SECRETS = "MAIN_SECRET=of-the-installation-that-was-saved\n"


def documented_commands() -> tuple[str, str]:
    """What saves; and what restores, without the start of the new installation."""
    section = PAGE.read_text().partition("\n### Backups of `make run`\n")[2].partition("\n### ")[0]
    save, restore = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    start, _, load = restore.partition("\n")
    assert start.startswith("make run DATA=restored ")
    return save, load


def run(commands: str, folder: Path) -> None:
    done = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=folder, capture_output=True, text=True, check=False, timeout=START_SECONDS
    )
    assert done.returncode == 0, done.stderr


def test_what_the_documented_commands_save_is_there_once_restored() -> None:
    save, load = documented_commands()
    with temporary_folder() as folder, temporary_folder() as new, running_engines(folder) as saved:
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / "restored").symlink_to(new / "data")
        (folder / "data/secrets.env").write_text(SECRETS)
        with WebServer(saved) as web:
            link, paste = create_link(web.client, original_url=TARGET), create_paste(web.client, text="kept in a file")
        run(save, folder)

        with running_engines(new) as restored:
            # One shell, as PATH is set by the first commands.
            run(f"{save.partition('pg_dump')[0]}{load}", folder)
            with WebServer(restored) as web:
                target = web.client.get(f"/{link['key']}").headers["location"]
                text = web.client.get(f"/{paste['key']}/raw").text
        secrets = (new / "data/secrets.env").read_text()

    assert target == TARGET
    assert text == "kept in a file"
    assert secrets == SECRETS
