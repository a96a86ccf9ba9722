"""The data folder: which ones are taken, which are refused and left as they are, and what is made in them."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.data.folder import DataFolder, open_data_folder, prepare_for_services, prepare_inside
from launcher.data.lock import Lock
from launcher.data.secrets import read_secrets
from launcher.errors import StartError
from launcher.run_user import RunUser, find_run_user
from tests.launcher.launched import Launchers

IS_ROOT = os.geteuid() == 0
USER = find_run_user({})
WHO = USER.name if USER else subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()


@pytest.fixture
def writable_folder() -> Iterator[Path]:
    """A folder that every user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="slipbin-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def refusal(path: Path, owner: RunUser | None = USER) -> str:
    """The sentence that opening this folder ends with."""
    with pytest.raises(StartError) as caught:
        open_data_folder(path, owner)
    return str(caught.value)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_closed_to_others_and_belongs_to_the_user_of_the_engines(writable_folder: Path) -> None:
    data = open_data_folder(writable_folder / "data", USER)
    assert mode(data.path) == 0o700
    assert data.path.owner() == WHO
    Lock(data, address="")
    prepare_inside(data)
    for folder in (data.run, data.valkey, data.bin):
        assert (mode(folder), folder.owner()) == (0o700, WHO)


def test_an_empty_folder_is_taken_over(writable_folder: Path) -> None:
    (writable_folder / "data").mkdir(mode=0o755)
    data = open_data_folder(writable_folder / "data", USER)
    assert (mode(data.path), data.path.owner()) == (0o700, WHO)


def test_a_folder_with_other_things_in_it_is_refused_and_left_as_it_was(writable_folder: Path) -> None:
    (writable_folder / "thesis.txt").write_text("mine")
    before = writable_folder.stat()
    assert (
        refusal(writable_folder)
        == f"{writable_folder} is not empty and holds no Slipbin data: choose another folder with --data."
    )
    after = writable_folder.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert [entry.name for entry in writable_folder.iterdir()] == ["thesis.txt"]


def test_a_file_is_no_data_folder(writable_folder: Path) -> None:
    (writable_folder / "file").touch()
    assert refusal(writable_folder / "file") == f"{writable_folder}/file is not a folder: choose another with --data."


def test_a_folder_of_another_user_is_refused_with_both_names(writable_folder: Path) -> None:
    # As root: data of root, which is never the engines' user. Else: a folder of root's that all can read.
    other = writable_folder if IS_ROOT else Path("/usr")
    if IS_ROOT:
        (writable_folder / "lock").touch()
    sentence = refusal(other)
    expected = [f"The data folder {writable_folder} belongs to root, not to {WHO}: choose another with --data."]
    if not IS_ROOT:
        expected = ["/usr is not empty and holds no Slipbin data: choose another folder with --data."]
    assert [sentence] == expected


def test_a_folder_below_nothing_is_refused_with_the_missing_folder(writable_folder: Path) -> None:
    assert refusal(writable_folder / "no" / "data") == (
        f"The data folder {writable_folder}/no/data cannot be made: there is no folder {writable_folder}/no."
    )


def test_a_folder_that_the_engines_user_cannot_reach_is_refused_with_the_closed_folder(writable_folder: Path) -> None:
    (writable_folder / "closed" / "open").mkdir(parents=True)
    (writable_folder / "closed").chmod(0o700 if IS_ROOT else 0o600)
    who = f"The user {WHO}, whom the engines run as," if IS_ROOT else "This user"
    try:
        assert refusal(writable_folder / "closed" / "open" / "data") == (
            f"{who} cannot enter {writable_folder}/closed, so the data folder {writable_folder}/closed/open/data"
            " cannot be used: choose another with --data."
        )
    finally:
        (writable_folder / "closed").chmod(0o755)
    assert not (writable_folder / "closed" / "open" / "data").exists()


def test_the_longest_path_that_still_works_is_taken_and_one_byte_more_is_refused(writable_folder: Path) -> None:
    room = 103 - len("/run/.s.PGSQL.5432") - len(os.fsencode(writable_folder)) - 1
    name = "ü" * (room // 2) + "x" * (room % 2)
    assert len(os.fsencode(open_data_folder(writable_folder / name, USER).postgres_socket)) == 103
    assert refusal(writable_folder / f"{name}y") == (
        f"The path of the data folder {writable_folder}/{name}y is 1 bytes too long for the sockets inside it:"
        " choose a shorter one with --data."
    )


@pytest.mark.parametrize("name", ["a,b", "a\nb"])
def test_a_name_that_no_address_can_hold_is_refused(writable_folder: Path, name: str) -> None:
    assert "has a sign that addresses of PostgreSQL cannot hold" in refusal(writable_folder / name)
    assert list(writable_folder.iterdir()) == []


def test_an_open_run_folder_is_closed_before_an_engine_starts(writable_folder: Path) -> None:
    data = open_data_folder(writable_folder / "data", USER)
    prepare_inside(data)
    data.run.chmod(0o777)
    (data.run / "left.pid").write_text("1")
    prepare_inside(data)
    assert mode(data.run) == 0o700
    assert list(data.run.iterdir()) == []


def test_a_run_folder_that_is_a_link_is_refused_and_its_target_kept(writable_folder: Path) -> None:
    data = open_data_folder(writable_folder / "data", USER)
    (writable_folder / "elsewhere").mkdir()
    (writable_folder / "elsewhere" / "file").touch()
    data.run.symlink_to(writable_folder / "elsewhere")
    with pytest.raises(StartError, match="is not a folder of our own"):
        prepare_inside(data)
    assert (writable_folder / "elsewhere" / "file").exists()


def test_a_lock_is_held_once_and_free_again_when_its_holder_has_gone(writable_folder: Path) -> None:
    data = open_data_folder(writable_folder / "data", USER)
    held = Lock(data, address="http://127.0.0.1:8000")
    with pytest.raises(StartError) as caught:
        Lock(data, address="http://127.0.0.1:8001")
    assert str(caught.value) == (
        f"The data folder {data.path} is in use by process {os.getpid()} (http://127.0.0.1:8000):"
        " stop that one first, or choose another folder with --data."
    )
    assert mode(data.path / "lock") == 0o600
    held.release()
    Lock(data, address="http://127.0.0.1:8002").release()


def test_the_secret_is_random_kept_and_closed_to_others(writable_folder: Path) -> None:
    first, second = (open_data_folder(writable_folder / name, USER) for name in ("first", "second"))
    secrets = read_secrets(first)
    assert len(secrets["MAIN_SECRET"]) == 64
    assert read_secrets(second) != secrets
    file = first.path / "secrets.env"
    assert (mode(file), file.owner()) == (0o600, WHO)
    file.chmod(0o644)
    assert read_secrets(first) == secrets
    assert mode(file) == 0o600


def test_settings_that_a_person_added_to_the_secrets_are_read_too(writable_folder: Path) -> None:
    data = open_data_folder(writable_folder / "data", USER)
    file = data.path / "secrets.env"
    file.write_text("# Ours\nMAIN_SECRET=a=b\n\nMAIN_SMTP_PASSWORD = two words \n")
    chown_like(file, data)
    assert read_secrets(data) == {"MAIN_SECRET": "a=b", "MAIN_SMTP_PASSWORD": "two words"}


def test_secrets_without_the_secret_are_refused_and_not_replaced(writable_folder: Path) -> None:
    data = open_data_folder(writable_folder / "data", USER)
    file = data.path / "secrets.env"
    file.write_text("MAIN_SECRET=\n")
    chown_like(file, data)
    with pytest.raises(StartError, match="has no MAIN_SECRET: restore the file, or remove it to get new secrets"):
        read_secrets(data)
    assert file.read_text() == "MAIN_SECRET=\n"


def chown_like(path: Path, data: DataFolder) -> None:
    owner = data.path.stat()
    os.chown(path, owner.st_uid, owner.st_gid)


def test_texts_and_schedules_follow_the_user_of_our_services(writable_folder: Path) -> None:
    data = open_data_folder(writable_folder / "data", USER)
    (writable_folder / "foreign").write_text("not ours")
    foreign_owner = (writable_folder / "foreign").stat().st_uid
    # As root the services were root at first, and are the engines' user from the second start on.
    prepare_for_services(data, None)
    text = data.bodies / "ab" / "text"
    text.parent.mkdir()
    text.write_text("a text")
    (data.bodies / "link").symlink_to(writable_folder / "foreign")
    (data.bodies / "ab" / "second name").hardlink_to(writable_folder / "foreign")
    prepare_for_services(data, USER)
    for path in (data.bodies, text.parent, text, data.beat):
        assert path.owner() == WHO
    assert (writable_folder / "foreign").stat().st_uid == foreign_owner
    prepare_for_services(data, None)
    assert {path.stat().st_uid for path in (data.bodies, text.parent, text, data.beat)} == {os.geteuid()}


def test_an_interrupted_change_of_owner_is_done_again(writable_folder: Path) -> None:
    data = open_data_folder(writable_folder / "data", USER)
    prepare_for_services(data, None)
    names = ["one", "two"]
    for name in names:
        (data.bodies / name).write_text(name)
    if USER:
        os.chown(data.bodies / "one", USER.uid, USER.gid)
    prepare_for_services(data, USER)
    assert {(data.bodies / name).owner() for name in names} == {WHO}


def test_the_command_says_its_refusal_in_one_line_and_exits_with_1(launcher: Launchers) -> None:
    (launcher.data / "thesis.txt").touch()
    for command in ("engines", "run"):
        launched = launcher.start(command)
        assert launched.wait_for_end() == 1
        assert launched.log == (
            f"launcher: {launcher.data} is not empty and holds no Slipbin data: choose another folder with --data.\n"
        )
