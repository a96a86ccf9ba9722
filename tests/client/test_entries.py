"""The client creates, reads, changes and deletes entries, as a guest and as a user."""

import json
from pathlib import Path

import httpx
import pytest

from tests.support.accounts import create_api_token, new_user
from tests.support.command_line_client import CommandLineClient, file_mode
from tests.support.entries import create_paste, new_alias

BYTES = b"\xef\xbb\xbfTabs\tand\r\nline ends\rof all sorts, \x1b[31mred\x1b[0m, no last one: \xf0\x9f\xa6\x86"


def key_of(link: str) -> str:
    return link.rpartition("/")[2]


def test_text_comes_back_byte_for_byte(slipbin: CommandLineClient) -> None:
    link = slipbin.ask("paste", given=BYTES)

    assert slipbin.run("get", key_of(link)).stdout == BYTES
    assert slipbin.run("get", "-o", "copy", key_of(link)).returncode == 0
    assert (slipbin.home / "copy").read_bytes() == BYTES


def test_files_become_pastes_with_their_names_and_options(slipbin: CommandLineClient) -> None:
    (slipbin.home / "app.py").write_text("print(1)\n")
    (slipbin.home / "latin").write_bytes(b"caf\xe9")

    made = slipbin.run("paste", "--json", "--burn", "-e", "1h", "--encoding", "latin-1", "app.py", "latin")
    named, burnt = map(json.loads, made.stdout.splitlines())

    assert (named["title"], named["views_left"], named["size_bytes"]) == ("app.py", 1, 9)
    assert (burnt["title"], burnt["size_bytes"]) == ("latin", len("café".encode()))
    assert b"such as 2030-01-31T12:00:00Z" in slipbin.run("paste", "-e", "2030-01-31", "app.py").stderr
    assert slipbin.ask("get", burnt["key"]) == "café"
    assert slipbin.ask_json("list", "--limit", "1")["key"] == burnt["key"]
    gone = slipbin.run("get", burnt["key"])
    assert (gone.returncode, gone.stdout) == (3, b"")
    # What is known to be gone is listed no more.
    assert slipbin.ask_json("list")["key"] == named["key"]


def test_file_that_can_not_be_pasted_is_named_and_the_others_are_pasted(
    slipbin: CommandLineClient, client: httpx.Client
) -> None:
    (slipbin.home / "binary").write_bytes(b"\x7fELF\xff")
    (slipbin.home / "last").write_text("last")

    done = slipbin.run("paste", "missing", "binary", "last")

    assert done.returncode == 1
    assert b"missing can't be read" in done.stderr
    assert b"binary isn't UTF-8" in done.stderr
    [link] = done.stdout.decode().splitlines()
    assert client.get(f"/{key_of(link)}/raw").text == "last"


def test_any_name_of_a_file_makes_a_title(slipbin: CommandLineClient, client: httpx.Client) -> None:
    names = {
        "two\nlines \u202egnp.txt": "two lines gnp.txt",
        "caf\u00e9 \udce9": "caf\u00e9",
        "\U0001f986" * 60: "\U0001f986" * 60,
        "x" * 255: "x" * 200,
        "\n": None,
    }
    for name in names:
        (slipbin.home / name).write_text("text")

    made = slipbin.run("paste", "--json", *names)

    assert made.stderr.decode() == ""
    assert [json.loads(line)["title"] for line in made.stdout.splitlines()] == list(names.values())


def test_link_is_printed_where_its_manage_token_can_not_be_kept(slipbin: CommandLineClient) -> None:
    (slipbin.home / "file").touch()
    slipbin.variables["XDG_DATA_HOME"] = str(slipbin.home / "file")

    made = slipbin.run("shorten", "https://example.org/")

    assert (made.returncode, made.stdout.count(b"\n")) == (0, 1)
    token = made.stderr.decode().split()[-1]
    del slipbin.variables["XDG_DATA_HOME"]
    slipbin.ask("delete", key_of(made.stdout.decode().strip()), "--manage-token", token)


def test_site_on_this_machine_needs_no_scheme(slipbin: CommandLineClient) -> None:
    site, slipbin.site = slipbin.site, ""

    chosen = slipbin.run("site", site.removeprefix("http://") + "/")

    assert chosen.stderr.decode() == f"From now on the site is {site}\n"
    assert slipbin.ask("site") == site


def test_token_of_an_entry_that_was_prolonged_is_kept_for_as_long(slipbin: CommandLineClient) -> None:
    key = key_of(slipbin.ask("paste", "-t", "Old", "-e", "1h", given=b"text"))

    changed = slipbin.ask_json("edit", key, "-t", "New", "-e", "30d")

    listed = slipbin.ask_json("list")
    assert (listed["title"], listed["expires_at"]) == ("New", changed["expires_at"])
    assert slipbin.run("delete", key).returncode == 0


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"caf\xe9", "standard input isn't UTF-8: byte 0xe9 at 3. Say what it is: --encoding latin-1"),
        ("text".encode("utf-16"), "standard input isn't UTF-8: byte 0xff at 0. Say what it is: --encoding utf-16"),
        (b"\x89PNG\0", "standard input isn't UTF-8: byte 0x89 at 0. It seems to be no text"),
        (b"", "standard input is empty."),
    ],
)
def test_what_is_no_text_is_refused_here(slipbin: CommandLineClient, data: bytes, sentence: str) -> None:
    refused = slipbin.run("paste", given=data)

    assert refused.returncode == 1
    assert sentence in refused.stderr.decode()


def test_guest_keeps_manage_tokens_in_a_file_of_their_own(slipbin: CommandLineClient, client: httpx.Client) -> None:
    alias = new_alias()
    slipbin.ask("shorten", "https://example.org/a", "--alias", alias, "--title", "Mine")
    taken = slipbin.run("shorten", "https://example.org/b", "--alias", alias)

    assert (taken.returncode, b"taken" in taken.stderr) == (5, True)
    assert file_mode(slipbin.manage_tokens) == 0o600
    assert file_mode(slipbin.manage_tokens.parent) == 0o700
    assert slipbin.ask("get", alias) == "https://example.org/a"
    assert slipbin.ask("list").split("\t")[0] == slipbin.ask("search", "mINe").split("\t")[0] == alias
    assert "manage_token" not in slipbin.ask_json("list")

    slipbin.ask("edit", alias, "--url", "https://example.org/c")
    assert client.get(f"/{alias}").headers["location"] == "https://example.org/c"
    # A link needs no scheme. Deleted by a link to it, it is forgotten, too.
    assert slipbin.ask("get", f"{slipbin.site.removeprefix('http://')}/{alias}+") == "https://example.org/c"
    slipbin.ask("delete", f"{slipbin.site}/{alias}")
    assert client.get(f"/{alias}").status_code == 410
    assert alias not in slipbin.manage_tokens.read_text()


def test_entry_of_someone_else_is_not_changed(slipbin: CommandLineClient, client: httpx.Client) -> None:
    made = create_paste(client)

    assert slipbin.run("delete", made["key"]).returncode == 4
    slipbin.variables["SLIPBIN_MANAGE_TOKEN"] = made["manage_token"]
    assert slipbin.run("delete", made["key"]).returncode == 0


def test_user_lists_searches_and_exports_their_entries(slipbin: CommandLineClient, client: httpx.Client) -> None:
    token = create_api_token(client, new_user(client))
    slipbin.ask("login", given=token.encode())
    assert file_mode(slipbin.api_tokens) == 0o600
    assert token in slipbin.api_tokens.read_text()
    keys = [key_of(slipbin.ask("paste", "-t", f"Note {number}", "-v", "private", given=b"mine")) for number in range(3)]

    # What belongs to an account needs no manage token.
    assert not slipbin.manage_tokens.exists()
    assert [line.split("\t")[0] for line in slipbin.ask("list").splitlines()] == keys[::-1]
    cut = slipbin.run("list", "--limit", "2", "--sort", "created")
    assert [line.split(b"\t")[0].decode() for line in cut.stdout.splitlines()] == keys[:2]
    assert b"There are more than these 2" in cut.stderr
    assert json.loads(slipbin.ask("search", "note 1", "--json"))["key"] == keys[1]
    assert slipbin.run("search", "nothing like it").returncode == 3
    assert [json.loads(line)["key"] for line in slipbin.ask("export", "-f", "jsonl").splitlines()] == keys
    assert slipbin.ask_json("stats")["live_entries"] == 3

    slipbin.ask("logout")
    assert token not in slipbin.api_tokens.read_text()
    assert slipbin.run("get", keys[0]).returncode == 3
    # Without login, the token of the environment does.
    slipbin.variables["SLIPBIN_TOKEN"] = token
    assert slipbin.ask("get", keys[0]) == "mine"


def test_user_claims_what_was_created_here_before(slipbin: CommandLineClient, client: httpx.Client) -> None:
    ended, *keys = map(key_of, slipbin.ask("shorten", *["https://example.org/"] * 3).splitlines())
    token = json.loads(slipbin.manage_tokens.read_text())[slipbin.site][ended]["manage_token"]
    client.delete(f"/api/v1/entries/{ended}", headers={"X-Manage-Token": token}).raise_for_status()
    refused = slipbin.run("claim", keys[0])
    assert (refused.returncode, b"needs an account" in refused.stderr) == (4, True)

    login = slipbin.run("login", given=create_api_token(client, new_user(client)).encode())
    claimed = slipbin.run("claim")

    assert b"without an account: 3. To make them yours: slipbin claim" in login.stderr
    assert {key_of(link) for link in claimed.stdout.decode().split()} == set(keys)
    assert (claimed.returncode, f"{ended}: This was deleted" in claimed.stderr.decode()) == (3, True)
    assert {line.split("\t")[0] for line in slipbin.ask("list").splitlines()} == set(keys)


def test_token_that_the_site_does_not_know_is_not_kept(slipbin: CommandLineClient) -> None:
    refused = slipbin.run("login", given=b"slp_wrong\n")

    assert refused.returncode == 4
    assert not slipbin.api_tokens.exists()


@pytest.mark.parametrize(
    ("site", "is_warned"),
    [
        ("http://localhost:8000", False),
        ("http://127.0.0.1", False),
        ("http://[::1]:8000", False),
        ("https://paste.example.org", False),
        ("http://paste.example.org", True),
        ("http://localhost.example.org", True),
        ("http://127.example.org", True),
    ],
)
def test_login_warns_of_a_site_that_is_not_encrypted(slipbin: CommandLineClient, site: str, is_warned: bool) -> None:
    refused = slipbin.run("login", site, given=b"not a token")

    assert (refused.returncode, b"isn't encrypted" in refused.stderr) == (4, is_warned)


def test_token_of_one_site_goes_to_no_other(slipbin: CommandLineClient, client: httpx.Client) -> None:
    token = create_api_token(client, new_user(client))
    slipbin.variables["SLIPBIN_TOKEN"] = token
    key = key_of(slipbin.ask("paste", "-v", "private", given=b"mine"))
    assert slipbin.ask("get", key) == "mine"

    elsewhere = slipbin.site
    slipbin.site = "http://127.0.0.1:1"

    # The same server by a link, but it isn't the site that the token is for.
    assert slipbin.run("get", f"{elsewhere}/{key}").returncode == 3


def editor(slipbin: CommandLineClient, script: str) -> None:
    """Let the user's editor be a program that does this with the file in $1."""
    program = slipbin.home / "editor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    slipbin.variables["EDITOR"] = str(program)


def drafts(slipbin: CommandLineClient) -> list[Path]:
    return list((slipbin.home / "tmp").rglob("*.md"))


def test_text_is_changed_in_the_editor(slipbin: CommandLineClient, client: httpx.Client) -> None:
    slipbin.variables["TMPDIR"] = str(slipbin.home / "tmp")
    (slipbin.home / "tmp").mkdir()
    key = key_of(slipbin.ask("paste", "-t", "notes.md", given=b"one\r\n"))

    editor(slipbin, 'case $1 in *notes.md) printf two >> "$1";; esac; stat -c %a "$(dirname "$1")" > mode')
    slipbin.ask("edit", key)

    assert client.get(f"/{key}/raw").content == b"one\r\ntwo"
    assert (slipbin.home / "mode").read_text() == "700\n"
    assert drafts(slipbin) == []
    editor(slipbin, "true")
    assert b"Nothing was changed" in slipbin.run("edit", key).stderr
    assert client.get(f"/api/v1/entries/{key}").headers["etag"] == '"2"'


def test_change_of_another_is_not_overwritten(slipbin: CommandLineClient, client: httpx.Client) -> None:
    slipbin.variables["TMPDIR"] = str(slipbin.home / "tmp")
    (slipbin.home / "tmp").mkdir()
    made = slipbin.ask_json("paste", "-t", "notes.md", given=b"one")
    change = f"curl -sX PATCH {slipbin.site}/api/v1/entries/{made['key']} -H 'Content-Type: application/json'"
    editor(
        slipbin, f"""echo mine > "$1"; {change} -H 'X-Manage-Token: {made["manage_token"]}' -d '{{"text": "other"}}'"""
    )

    lost = slipbin.run("edit", made["key"])

    assert lost.returncode == 5
    assert client.get(f"/{made['key']}/raw").text == "other"
    [draft] = drafts(slipbin)
    assert draft.read_text() == "mine\n"
    assert str(draft) in lost.stderr.decode()
