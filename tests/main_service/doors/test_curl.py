"""The ways in which curl uploads a text, a file or a URL, each by the real program."""

import subprocess
from pathlib import Path

import httpx
import pytest

from tests.support.web import WebServer

HOSTILE = "a\r\nb\tc\x00\u2028 \U0001f600 ü\nno line end".encode()
BOM = b"\xef\xbb\xbftext\n"


def curl(*arguments: str, stdin: bytes | None = None) -> bytes:
    """What `curl` writes to standard output."""
    command = ["curl", "-sS", "--noproxy", "*", "--max-time", "60", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


def text_of(client: httpx.Client, link: bytes) -> bytes:
    """The text behind the link that was answered, which is a line of its own."""
    assert link.endswith(b"\n")
    assert link.count(b"\n") == 1
    return client.get(f"/{link.decode().strip().rpartition('/')[2]}/raw").content


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_bytes(HOSTILE)
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["-T", "{file}"],
        ["-T-"],
        ["-T."],
        ["--data-binary", "@{file}"],
        ["-X", "POST", "-T-"],
        ["-H", "Expect: 100-continue", "-T", "{file}"],
        ["-H", "Content-Type: text/x-python", "--data-binary", "@{file}"],
        *(["-F", f"{name}=@{{file}}"] for name in ("file", "f", "f:1", "text", "content", "sprunge")),
        ["-F", "file=@-"],
        ["-F", "text=<{file}"],
    ],
)
def test_each_form_of_upload_keeps_every_byte(web: WebServer, file: Path, arguments: list[str]) -> None:
    written = [argument.replace("{file}", str(file)) for argument in arguments]
    link = curl(*written, f"{web.address}/", stdin=HOSTILE)
    assert text_of(web.client, link) == HOSTILE


LARGE = 10 * 1024 * 1024


@pytest.mark.parametrize(
    "arguments",
    [["-T", "{file}"], ["-T-"], ["--data-binary", "@{file}"], ["-F", "file=@{file}"]],
    ids=lambda each: each[0],
)
def test_ten_mebibytes_come_through_and_no_byte_more(web: WebServer, tmp_path: Path, arguments: list[str]) -> None:
    large = tmp_path / "large.txt"
    large.write_bytes(("\u00fc\r\n\x00" * (LARGE // 5))[: LARGE // 5 * 4].encode().ljust(LARGE, b"."))
    written = [argument.replace("{file}", str(large)) for argument in arguments]
    link = curl(*written, f"{web.address}/", stdin=large.read_bytes())
    read = curl(f"{web.address}/{link.decode().strip().rpartition('/')[2]}")
    assert read == large.read_bytes()

    large.write_bytes(b"." * (LARGE + 1))
    refused = curl(*written, f"{web.address}/", stdin=large.read_bytes())
    assert refused.startswith(b"Error 413: The text is too large: the limit is 10 MiB of UTF-8.")


def test_url_is_shortened_and_followed(web: WebServer) -> None:
    target = "https://example.org/a?b=c&d=e%20f"
    for arguments in (
        ["-d", f"url={target}"],
        ["-d", f"shorten={target}"],
        ["--data-urlencode", f"url={target}"],
        ["-F", f"url={target}"],
        ["-F", f"shorten={target}"],
    ):
        link = curl(*arguments, f"{web.address}/").decode().strip()
        shown = curl(
            "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", web.address + "/" + link.rpartition("/")[2]
        )
        assert shown.decode() == f"302 {target}"


def test_what_was_uploaded_is_read_replaced_and_deleted(web: WebServer, file: Path) -> None:
    head = file.with_name("head")
    link = curl("-D", str(head), "-T", str(file), f"{web.address}/").decode().strip()
    address = f"{web.address}/{link.rpartition('/')[2]}"
    manage = next(line for line in head.read_text().splitlines() if line.lower().startswith("x-manage-token:"))
    assert curl(address) == HOSTILE
    file.write_bytes(BOM)
    assert curl("-T", str(file), "-H", manage, address).decode().strip() == link
    assert curl(address) == BOM
    assert curl("-X", "DELETE", "-w", "%{http_code}", "-H", manage, address) == b"204"
    assert curl("-o", "/dev/null", "-w", "%{http_code}", address) == b"410"


def test_curl_is_told_how(web: WebServer) -> None:
    told = curl(web.address).decode()
    assert told.startswith("Pastes and short links.")
    # A shell would take the & for itself.
    assert "'http://slipbin.test/?expires=1h&views=1'" in told
