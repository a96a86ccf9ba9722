"""The command line of `run`, up to the moment when the engines would start."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from launcher.announcement import describe_links
from launcher.errors import StartError
from launcher.listener import Listener, open_listener
from tests.launcher.launched import REPOSITORY, Launchers, assert_nothing_left


def test_an_address_in_use_is_one_sentence_and_starts_nothing(launcher: Launchers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as rival:
        port = rival.getsockname()[1]
        launched = launcher.start("run", "--port", str(port))
        assert launched.wait_for_end() == 1
    assert launched.log == (
        f"launcher: Port {port} on 127.0.0.1 cannot be opened: Address already in use."
        " Choose another with --host or --port.\n"
    )
    assert sorted(entry.name for entry in launcher.data.iterdir()) == ["lock"]
    assert_nothing_left(launcher.data)


def test_settings_come_from_the_environment_and_the_command_line_wins(launcher: Launchers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as rival, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [taken.getsockname()[1] for taken in (rival, other)]
        by_variable = launcher.start("run", PORT=str(ports[0]), HOST="", WORKERS="")
        assert by_variable.wait_for_end() == 1
        by_option = launcher.start("run", "--port", str(ports[1]), PORT=str(ports[0]))
        assert by_option.wait_for_end() == 1
    assert f"Port {ports[0]} on 127.0.0.1 cannot be opened" in by_variable.err
    assert f"Port {ports[1]} on 127.0.0.1 cannot be opened" in by_option.err


def test_the_data_folder_may_come_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "run"],
        cwd=REPOSITORY,
        env={**os.environ, "DATA": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--port", "65536"], ["--port", "x"], ["--workers", "0"], ["--workers", "257"], ["--what"]]
)
def test_a_wrong_option_is_a_usage_error(launcher: Launchers, arguments: list[str]) -> None:
    launched = launcher.start("run", *arguments)
    assert launched.wait_for_end() == 2
    assert "usage: python -m launcher" in launched.err
    assert list(launcher.data.iterdir()) == []


def test_a_host_that_is_not_ours_is_refused() -> None:
    with pytest.raises(StartError, match=r"Port 0 on 192.0.2.1 cannot be opened: Cannot assign"):
        open_listener("192.0.2.1", 0)
    for host in ("nowhere.invalid", "a..b"):
        with pytest.raises(StartError, match=rf"{host} is not an address of this machine"):
            open_listener(host, 0)


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:"), ("localhost", "http://localhost:")])
def test_the_printed_address_is_one_this_machine_can_open(host: str, url: str) -> None:
    listener = open_listener(host, 0)
    with listener.socket, socket.create_connection((listener.host, listener.port)):
        assert listener.url == f"{url}{listener.port}"


def test_a_public_listener_is_named_by_the_address_that_other_machines_find() -> None:
    """That of a card, if there is one; the launcher itself goes by 127.0.0.1."""
    listener = open_listener("0.0.0.0", 0)
    own = {address.address for card in psutil.net_if_addrs().values() for address in card}
    others_find = {address for address in own if not address.startswith(("127.", "::1", "fe80:"))}

    with listener.socket, socket.create_connection((listener.host, listener.port)):
        assert listener.host == "127.0.0.1"
        [line] = describe_links(listener, {})
        if listener.name == "127.0.0.1":
            assert "work on this machine only" in line
        else:
            assert listener.name in others_find
            assert "this machine's address in its network" in line
        assert "MAIN_PUBLIC_URL=https://" in line
        assert describe_links(listener, {"MAIN_PUBLIC_URL": "https://a.example"}) == [
            "Its links begin with https://a.example, as MAIN_PUBLIC_URL says: open it there."
        ]


def test_links_of_a_listener_on_one_address_need_no_words() -> None:
    with open_listener("127.0.0.1", 0).socket as unused:
        assert describe_links(Listener(unused, "127.0.0.1", 8000, "127.0.0.1"), {}) == []


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ([], {"PORT": "x"}, "launcher: PORT: 'x' is not a number from 0 to 65535.\n"),
        ([], {"WORKERS": "0"}, "launcher: WORKERS: '0' is not a number from 1 to 256.\n"),
        ([], {"HOST": "nowhere.invalid"}, "choose another with HOST=….\n"),
        ([], {"HOST": "192.0.2.1"}, "Choose another with HOST=… or PORT=….\n"),
        (["--port", "x"], {}, "argument --port: 'x' is not a number from 0 to 65535\n"),
        (["--host", "192.0.2.1"], {}, "Choose another with --host or --port.\n"),
    ],
)
def test_messages_name_options_as_they_are_typed(
    launcher: Launchers, arguments: list[str], environment: dict[str, str], expected: str
) -> None:
    by_make = {} if arguments else {"SLIPBIN_MAKE": "1"}
    launched = launcher.start("run", *arguments, **environment, **by_make)

    assert launched.wait_for_end() == (2 if "--port" in arguments else 1)
    assert launched.err.endswith(expected)


@pytest.mark.parametrize("is_make", [True, False])
def test_messages_about_the_data_folder_name_it_as_it_is_typed(data: Path, is_make: bool) -> None:
    (data / "thesis.txt").touch()
    # `-o`: nothing is installed.
    make = ["make", "-o", ".venv/.run-installed", "run", f"DATA={data}"]
    command = make if is_make else [sys.executable, "-m", "launcher", "run", "--data", str(data)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert f"choose another folder with {'DATA=…' if is_make else '--data'}." in done.stderr


def test_an_address_of_version_6_is_written_in_brackets() -> None:
    with socket.socket() as unused:
        assert Listener(unused, "::1", 8000, "::1").url == "http://[::1]:8000"
