"""The users as whom the engines and our services run."""

import os
from pathlib import Path

import pytest

from launcher.errors import StartError
from launcher.run_user import acting_as, find_run_user

IS_ROOT = os.geteuid() == 0


def test_an_ordinary_user_stays_itself_and_root_never_stays_root() -> None:
    found = find_run_user({})
    assert (found is not None) == IS_ROOT
    assert found is None or (found.uid != 0 and found.name in ("slipbin", "nobody"))


def test_slipbin_user_names_the_user_where_we_are_root() -> None:
    found = find_run_user({"SLIPBIN_USER": "daemon"})
    assert (found.name if found else None) == ("daemon" if IS_ROOT else None)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("root", "PostgreSQL refuses to run as root: set SLIPBIN_USER to another user than root."),
        ("no-such-user", "SLIPBIN_USER names the user no-such-user, who does not exist on this machine."),
    ],
)
def test_an_unusable_user_is_refused_where_we_are_root(name: str, sentence: str) -> None:
    if not IS_ROOT:
        assert find_run_user({"SLIPBIN_USER": name}) is None
        return
    with pytest.raises(StartError) as caught:
        find_run_user({"SLIPBIN_USER": name})
    assert str(caught.value) == sentence


def test_files_made_as_that_user_are_that_users_and_our_rights_come_back(tmp_path: Path) -> None:
    user = find_run_user({})
    before = (os.geteuid(), os.getegid(), os.getgroups())
    with acting_as(user):
        expected = (user.uid, user.gid, []) if user else before
        assert (os.geteuid(), os.getegid(), os.getgroups()) == expected
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before


def test_our_rights_come_back_after_an_error_too() -> None:
    with pytest.raises(KeyError), acting_as(find_run_user({})):
        raise KeyError
    assert (os.geteuid() == 0) == IS_ROOT
