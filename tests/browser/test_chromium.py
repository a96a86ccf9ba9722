"""The browser tests find a browser, or get one once, or say why they can't."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.browser.chromium import NoBrowserError, find_or_install
from tests.support.installing import Commands

NOT_INSTALLED = Path("/nonexistent/chrome")


@pytest.fixture
def program_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def add_program(folder: Path, name: str, script: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    program.chmod(0o755)
    return program


def test_program_that_only_says_how_to_get_a_browser_is_passed_over(program_folder: Path) -> None:
    add_program(program_folder, "chromium", "echo 'install the snap first'; exit 1")
    chrome = add_program(program_folder, "google-chrome", "exit 0")

    assert find_or_install(NOT_INSTALLED) == chrome


def test_browser_without_windows_is_preferred(program_folder: Path) -> None:
    add_program(program_folder, "chromium", "exit 0")
    shell = add_program(program_folder, "chromium-headless-shell", "exit 0")

    assert find_or_install(NOT_INSTALLED) == shell


def test_browser_is_installed_once_however_many_need_it(program_folder: Path) -> None:
    failing = add_program(program_folder, "first", "echo 'no such package'; exit 100")
    working = add_program(
        program_folder,
        "second",
        f"echo ran >> {program_folder}/log; printf '#!/bin/sh\\n' > {program_folder}/x; chmod 755 {program_folder}/x; "
        f"mv {program_folder}/x {program_folder}/chromium",
    )
    installers: tuple[Commands, ...] = (((str(failing),),), ((str(working),),))

    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda _: find_or_install(NOT_INSTALLED, installers), range(3)))

    assert found == [program_folder / "chromium"] * 3
    assert (program_folder / "log").read_text() == "ran\n"


def test_where_nothing_works_the_error_says_what_was_tried_and_what_to_do(program_folder: Path) -> None:
    failing = add_program(program_folder, "installer", "echo 'Reading lists'; echo 'no such package'; exit 100")

    with pytest.raises(NoBrowserError) as raised:
        find_or_install(NOT_INSTALLED, (((str(failing), "chromium"), ("never-reached",)), (("not-there",),)))

    sentence = str(raised.value)
    assert f"{failing} chromium failed: no such package" in sentence
    assert "not-there failed: " in sentence
    assert "never-reached" not in sentence
    assert "apt-get install chromium-headless-shell" in sentence
