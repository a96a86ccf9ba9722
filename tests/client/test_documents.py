"""What the client says about itself: its help, its man page, its page in docs, and what shells complete."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line_client import CommandLineClient
from tests.support.engines import REPOSITORY

PAGE = (REPOSITORY / "docs/client.md").read_text()


def commands(slipbin: CommandLineClient) -> list[str]:
    return re.findall(r"^  ([a-z]+)  ", slipbin.ask("--help").partition("Commands:")[2], re.MULTILINE)


@pytest.fixture(scope="module")
def man_page() -> str:
    command = [sys.executable, "-m", "slipbin_client", "man"]
    return subprocess.run(command, cwd=REPOSITORY / "client", check=True, capture_output=True, text=True).stdout


def test_every_command_is_in_the_man_page_and_in_the_documents(slipbin: CommandLineClient, man_page: str) -> None:
    names = commands(slipbin)

    assert len(names) > 12
    for name in names:
        assert f'.SS "slipbin {name}' in man_page
        assert f"slipbin {name}" in PAGE


def test_exit_codes_are_the_same_in_the_man_page_and_in_the_documents(man_page: str) -> None:
    listed = re.findall(r"^\| (\d+) \| (.+) \|$", PAGE, re.MULTILINE)
    of_man_page = re.findall(r"^\.TP\n\\fB(\d+)\\fR\n(.+)$", man_page, re.MULTILINE)

    assert len(listed) == 11
    plain = [(code, meaning.replace("\\-", "-")) for code, meaning in of_man_page]
    assert plain == [(code, re.sub(r"[`\\]", "", meaning)) for code, meaning in listed]


def test_every_line_of_the_man_page_is_a_known_request_or_text(man_page: str) -> None:
    requests = {line.split()[0] for line in man_page.splitlines() if line.startswith((".", "'"))}

    assert requests == {".TH", ".SH", ".SS", ".PP", ".TP", ".B"}
    assert "‑" not in man_page


def test_bash_completes_commands_and_keys(slipbin: CommandLineClient, tmp_path: Path) -> None:
    key = slipbin.ask("shorten", "https://example.org/").rpartition("/")[2]
    script = slipbin.ask("completion", "bash")
    program = tmp_path / "bin/slipbin"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m slipbin_client "$@"\n')
    program.chmod(0o700)

    def completed(*words: str) -> set[str]:
        """What bash offers for the last of the words, in the way it calls the function of the script."""
        quoted = " ".join(f"'{word}'" for word in words)
        asked = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _slipbin_completion slipbin\n"
        environment = slipbin.environment | {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY / "client"),
        }
        done = subprocess.run(
            ["bash", "-c", asked + 'printf "%s\\n" "${COMPREPLY[@]}"'], env=environment, capture_output=True, text=True
        )
        assert done.stderr == ""
        return set(done.stdout.split())

    assert {"search", "shorten", "stats", "site"} == completed("slipbin", "s")
    assert completed("slipbin", "get", key[:2]) == {key}


@pytest.mark.parametrize(("shell", "sign"), [("zsh", "#compdef slipbin"), ("fish", "complete --command slipbin")])
def test_other_shells_have_a_script_too(slipbin: CommandLineClient, shell: str, sign: str) -> None:
    assert sign in slipbin.ask("completion", shell)
