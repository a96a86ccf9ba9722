"""The client takes entries along and brings them back: export as one zip, import with what becomes of each item."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from main_service.transfer.formats import ImportFormat
from tests.support.accounts import User, create_api_token, new_user
from tests.support.command_line_client import CommandLineClient, RunningClient
from tests.support.engines import REPOSITORY, Environment
from tests.support.entries import new_alias, owned_paste
from tests.support.gates import Gate
from tests.support.imports import run_imports, zip_of
from tests.support.ports import reserved_port
from tests.support.waiting import eventually
from tests.support.web import WebServer

TEXT = "\ufeffone\r\ntwo \U0001f986"
HEAD = "uuid,address,target\n"
KUTT = HEAD + "{uuid},{key},https://example.org/kutt\n"


@pytest.fixture
def importing_user(slipbin: CommandLineClient, client: httpx.Client) -> User:
    """A user whose API token the client has."""
    user = new_user(client)
    slipbin.variables["SLIPBIN_TOKEN"] = create_api_token(client, user)
    return user


def imports_of(client: httpx.Client, user: User) -> list[dict[str, object]]:
    found: list[dict[str, object]] = client.get("/api/v1/imports", headers=user.headers).json()["items"]
    return found


async def finished(
    process: RunningClient, environment: Environment, client: httpx.Client, user: User
) -> "subprocess.CompletedProcess[str]":
    """The command once its import was ordered and run."""
    eventually(lambda: any(job["state"] == "waiting" for job in imports_of(client, user)), "the order of the import")
    await run_imports(environment)
    code, out, messages = process.finish()
    return subprocess.CompletedProcess([], code, out.decode(), messages.decode())


async def test_zip_is_exported_and_imported_without_naming_its_format(
    slipbin: CommandLineClient, client: httpx.Client, environment: Environment, importing_user: User
) -> None:
    key = owned_paste(client, importing_user, text=TEXT, title="notes.md")
    newcomer = new_user(client)

    slipbin.ask("export", "-o", "mine.zip")
    with zipfile.ZipFile(slipbin.home / "mine.zip") as archive:
        assert archive.read(f"texts/{key}").decode() == TEXT
    piped = slipbin.run("export").stdout
    assert zipfile.ZipFile(io.BytesIO(piped)).namelist() == archive.namelist()

    slipbin.variables["SLIPBIN_TOKEN"] = create_api_token(client, newcomer)
    with slipbin.running("import", "mine.zip") as process:
        done = await finished(process, environment, client, newcomer)

    verdict, place, new_key, link, reason = done.stdout.rstrip("\n").split("\t")
    assert (done.returncode, verdict, reason) == (0, "created", "Its name is taken here, so it gets another.")
    assert link.endswith(f"/{new_key}")
    assert place == "line 1"
    assert "Done: 1 created." in done.stderr
    assert slipbin.run("get", new_key).stdout.decode() == TEXT


async def test_faults_are_told_and_a_dry_run_changes_nothing(
    slipbin: CommandLineClient, client: httpx.Client, environment: Environment, importing_user: User
) -> None:
    key = new_alias()
    (slipbin.home / "Lünks.csv").write_text(
        f"keyword,url,title,timestamp,ip,clicks\n{key},https://example.org/,,,,3\nbad,javascript:alert(1),,,,\n"
    )

    with slipbin.running("import", "--dry-run", "Lünks.csv") as process:
        tried = await finished(process, environment, client, importing_user)
    assert tried.returncode == 1
    assert [line.split("\t")[:3] for line in tried.stdout.splitlines()] == [
        ["would_be_created", "line 2", key],
        ["failed", "line 3", ""],
    ]
    assert "1 would be created, 1 failed" in tried.stderr
    assert client.get(f"/api/v1/entries/{key}").status_code == 404

    with slipbin.running("import", "--json", "Lünks.csv") as process:
        done = await finished(process, environment, client, importing_user)
    told = json.loads(done.stdout)
    assert (done.returncode, told["state"], told["created"], told["failed"]) == (1, "done", 1, 1)
    assert told["file_name"] == "Lünks.csv"
    assert "1 of 2 items can't be imported." in done.stderr
    assert client.get(f"/{key}").headers["location"] == "https://example.org/"


async def test_file_that_is_not_what_was_said_is_told(
    slipbin: CommandLineClient, client: httpx.Client, environment: Environment, importing_user: User
) -> None:
    with slipbin.running("import", "-f", "slipbin-zip", "-", given=b"text") as process:
        done = await finished(process, environment, client, importing_user)

    assert (done.returncode, done.stdout) == (1, "")
    assert "This isn't a zip" in done.stderr


def test_what_can_not_be_sent_is_refused_here(
    slipbin: CommandLineClient, client: httpx.Client, importing_user: User
) -> None:
    unsure = slipbin.run("import", "-", given=b"a,b\n1,2\n")
    missing = slipbin.run("import", "no-such-file")
    cut = slipbin.run("import", "-", given=zip_of({"entries.jsonl": b"", "manifest.json": b"{}"})[:-10])
    (slipbin.home / "large").touch()
    with (slipbin.home / "large").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    large = slipbin.run("import", "-f", "yourls-sql", "large")
    terminal = slipbin.on_terminal("export")
    slipbin.variables.clear()
    guest = [slipbin.run("import", "-f", "bitly-csv", "-", given=b"a"), slipbin.run("export", "-o", "mine.zip")]

    assert (unsure.returncode, b"--format with one of slipbin-zip" in unsure.stderr) == (2, True)
    assert (missing.returncode, cut.returncode, large.returncode, terminal.code) == (1, 1, 1, 2)
    assert b"was cut off" in cut.stderr
    assert b"larger than 64 MiB" in large.stderr
    assert [done.returncode for done in guest] == [4, 4]
    assert not (slipbin.home / "mine.zip").exists()
    assert imports_of(client, importing_user) == []


def damaged_tar() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:xz") as archive:
        for name in ("0a" * 16, "0b" * 16):
            member = tarfile.TarInfo(name)
            member.size = 100_000
            archive.addfile(member, io.BytesIO(os.urandom(member.size)))
    packed = bytearray(target.getvalue())
    packed[len(packed) // 2] ^= 0xFF
    return bytes(packed)


async def test_folder_is_packed_and_known_by_its_names(
    slipbin: CommandLineClient, client: httpx.Client, environment: Environment, importing_user: User
) -> None:
    folder = slipbin.home / "data"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git/config").write_text("no paste")
    (folder / "0123456789abcdef0123456789abcdef").write_text(TEXT, newline="")
    os.utime(folder / "0123456789abcdef0123456789abcdef", (1_500_000_000, 1_500_000_000))
    (folder / "link").symlink_to("/etc/hostname")

    with slipbin.running("import", "--all", "--json", "data") as process:
        done = await finished(process, environment, client, importing_user)

    item = json.loads(done.stdout)
    assert (done.returncode, item["verdict"]) == (0, "created")
    assert slipbin.run("get", item["key"]).stdout.decode() == TEXT
    assert slipbin.ask_json("get", item["key"])["created_at"] == "2017-07-14T02:40:00Z"


def test_formats_are_those_of_the_service_and_told_from_files_that_leave_no_doubt(tmp_path: Path) -> None:
    samples: dict[str, bytes] = {
        "bitly-csv": b"Link,Custom Link,Title,Destination URL\r\n",
        "bitly-csv 2": b"title,link,long_url\nOld,bit.ly/3xYz,https://example.org/\nNew,bit.ly/a,https://example.org/",
        "shlink-csv": '"createdAt";"shortCode";"shortUrl";"longUrl"\n'.encode("utf-16"),
        "kutt-csv": b"uuid\taddress\ttarget\n",
        "yourls-csv": b"\xef\xbb\xbfkeyword,url,title,timestamp,ip,clicks\n",
        "slipbin-csv": b"key,kind,title,original_url\n",
        "yourls-sql": b"-- MySQL dump\nCREATE TABLE `options` (\n);\nINSERT INTO `x_url` (`keyword`, `url`) VALUES",
        "haste-folder": zip_of({f"data/{'0a' * 16}": b"1"}),
        "0x0-folder": zip_of({"up/": b"", f"up/{'0a' * 32}": b"1", "up/.DS_Store": b"1"}),
        "github-gists": zip_of({f"{'0a' * 16}-{'1b' * 20}/notes.md": b"1"}),
        "slipbin-zip": zip_of({"entries.jsonl": b"", "manifest.json": b'{"format": "slipbin-export"}'}),
        "None": zip_of({"notes.md": b"1", "entries.jsonl": b"", "manifest.json": b"[]"}),
        "None 2": b"link,long_url,title\nrb.gy/3xYz,https://example.org/,Old\n",
        "None 3": b"INSERT INTO `curl` (`id`) VALUES (1);",
        "None 4": b"",
        "None 5": damaged_tar(),
    }
    for name, data in samples.items():
        (tmp_path / name).write_bytes(data)
    program = """if 1:
        import sys
        from pathlib import Path
        from slipbin_client.import_formats import ImportFormat, guess_format
        print(*ImportFormat)
        print(*(f"{path}: {guess_format(Path(path).read_bytes())}" for path in sys.argv[1:]), sep="\\n")
    """
    command = [sys.executable, "-c", program, *samples]
    environment = {"PYTHONPATH": str(REPOSITORY / "client")}
    formats, *told = subprocess.check_output(command, cwd=tmp_path, env=environment, text=True).splitlines()

    assert formats.split() == [str(each) for each in ImportFormat]
    assert told == [f"{name}: {name.split()[0]}" for name in samples]


async def test_import_that_is_left_goes_on_and_can_be_seen_again_or_stopped(
    slipbin: CommandLineClient, client: httpx.Client, environment: Environment, importing_user: User
) -> None:
    def states() -> list[object]:
        return [job["state"] for job in imports_of(client, importing_user)]

    none = slipbin.run("import", "--follow")
    assert (none.returncode, b"You have imported nothing yet." in none.stderr) == (3, True)
    # Rich would take the name for markup.
    (slipbin.home / "links[red].csv").write_text(HEAD + "a\n" * 200_000)
    left = slipbin.on_terminal("import", "links[red].csv", interrupt_at="Waiting for its turn: links[red].csv as")
    assert (left.code, "Sending" in left.text, "goes on without you" in left.text) == (130, True, True)
    assert states() == ["waiting"]
    stopped = slipbin.run("import", "--stop")
    assert (stopped.returncode, b"Stopped" in stopped.stderr, states()) == (0, True, ["stopped"])
    again = slipbin.run("import", "--stop")
    assert (again.returncode, b"None of your imports is waiting or running." in again.stderr) == (3, True)

    (slipbin.home / "links[red].csv").write_text(HEAD)
    with slipbin.running("import", "links[red].csv") as process:
        process.stderr.readline()
        process.process.send_signal(signal.SIGINT)
        code, _, trouble = process.finish()
    assert (code, b"goes on without you" in trouble, states()) == (130, True, ["waiting", "stopped"])
    (slipbin.home / "other.csv").write_text(KUTT.format(uuid=uuid4(), key="login"))
    page = slipbin.ask("import", "--no-follow", "other.csv")
    assert page.endswith(f"/settings/import/{imports_of(client, importing_user)[0]['id']}")
    await run_imports(environment)
    seen = slipbin.run("import", "--follow")
    assert (seen.returncode, seen.stdout.split(b"\t")[:2]) == (0, [b"created", b"line 2"])
    assert b"Done: 1 created." in seen.stderr

    for wrong in (("--stop", "other.csv"), ("--stop", "--follow"), (), ("--no-follow",)):
        assert slipbin.run("import", *wrong).returncode == 2, wrong
    assert states() == ["done", "done", "stopped"]


async def test_visits_from_before_an_import_are_told(
    slipbin: CommandLineClient, client: httpx.Client, environment: Environment, importing_user: User
) -> None:
    key = new_alias()
    instants = {"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z"}
    link = {"key": key, "kind": "link", "visibility": "unlisted", "state": "live", "original_url": "https://a.example/"}
    counts = {"visit_count": 70, "bot_count": 10}
    days = [{"key": key, "day": f"2023-0{month}-01", "hours": {"0": [10 * month, 5]}} for month in (3, 4)]
    members = {
        "entries.jsonl": json.dumps(link | instants | counts).encode(),
        "figures.jsonl": b"\n".join(json.dumps(day).encode() for day in days),
        "collections.jsonl": b"",
        "manifest.json": b'{"format": "slipbin-export", "version": 1, "site": "https://slip.example"}',
    }
    with slipbin.running("import", "-", given=zip_of(members)) as process:
        done = await finished(process, environment, client, importing_user)
    assert done.returncode == 0, done.stderr

    [told] = slipbin.ask("list").splitlines()
    assert told.split("\t")[5:] == ["0", f"http://slipbin.test/{key}", "https://a.example/", "70"]
    assert "BEFORE IMPORT" in slipbin.on_terminal("list").text
    assert "before\t70" in slipbin.ask("get", key, "--info").splitlines()
    shown = slipbin.on_terminal("stats", key).text
    assert "70 visits, 10 by crawlers, 2023-03-01 to 2023-04-01" in shown
    assert "2023-04  40 " in shown


async def test_order_whose_answer_is_lost_is_given_once(
    slipbin: CommandLineClient, client: httpx.Client, environment: Environment, importing_user: User, web: WebServer
) -> None:
    file = KUTT.format(uuid=uuid4(), key=new_alias()).encode()
    host, port = web.address.removeprefix("http://").split(":")
    with reserved_port() as ours, Gate(("127.0.0.1", ours), (host, int(port))) as gate:
        slipbin.site = f"http://127.0.0.1:{ours}"
        with (
            gate.stop_at(b"POST /api/v1/imports", hold="answer") as stop,
            slipbin.running("import", "-", given=file) as process,
        ):
            stop.wait()
            eventually(lambda: imports_of(client, importing_user), "the order")
            with gate.refusing():
                eventually(lambda: b"The service can't be reached" in process.stderr.readline(), "a try")
            done = await finished(process, environment, client, importing_user)

    assert done.returncode == 0, done.stderr
    assert [job["created"] for job in imports_of(client, importing_user)] == [1]


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The URL of a server that gives one answer, and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def in_chunks(part: bytes) -> bytes:
    return b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(part), part)


def until_the_end(part: bytes) -> bytes:
    """An answer that ends where the connection does, by which a proxy hides that the one behind it broke."""
    return b"Connection: close\r\n\r\n" + part


@pytest.mark.parametrize("framed", [in_chunks, until_the_end])
def test_export_that_breaks_off_leaves_the_file_before_it(
    slipbin: CommandLineClient, client: httpx.Client, importing_user: User, framed: Callable[[bytes], bytes]
) -> None:
    owned_paste(client, importing_user, text=TEXT)
    whole = client.get("/api/v1/me/export.zip", headers=importing_user.headers).content
    (slipbin.home / "mine.zip").write_bytes(b"before")

    with answering(b"HTTP/1.1 200 OK\r\n" + framed(whole[:-30])) as slipbin.site:
        broken = slipbin.run("export", "-o", "mine.zip")

    assert broken.returncode == 7, broken.stderr
    assert [path.name for path in slipbin.home.iterdir()] == ["mine.zip"]
    assert (slipbin.home / "mine.zip").read_bytes() == b"before"
