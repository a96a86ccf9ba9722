"""What wrk sends: requests of a browser that reads, or of a program that creates."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.8,fr;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://forum.example.net/thread/4711",
    "Upgrade-Insecure-Requests": "1",
}
WITHOUT_COMPRESSION = {name: value for name, value in BROWSER.items() if name != "Accept-Encoding"}
API_CLIENT = {"User-Agent": "example-client/1.0", "Accept": "application/json", "Content-Type": "application/json"}


@dataclass(frozen=True, kw_only=True)
class Work:
    """Requests that wrk sends in turn, over and over."""

    method: str
    path: str
    """The path of a request with a body; a GET takes its path from `lines`."""
    headers: Mapping[str, str]
    lines: Path
    """One path (GET) or one body (POST) a line."""
    visitors: int = 0
    """So many addresses are named in turn in the header `X-Visitor`, which only our gateway reads; 0: none."""


def shuffled(paths: Sequence[str]) -> list[str]:
    """The paths in a random order, which is the same in every run."""
    return random.Random(7).sample(paths, len(paths))


def gets(lines: Path, paths: Sequence[str], *, headers: Mapping[str, str] = BROWSER) -> Work:
    lines.write_text("".join(f"{path}\n" for path in paths))
    return Work(method="GET", path="-", headers=headers, lines=lines)


def posts(lines: Path, path: str, bodies: Sequence[Mapping[str, object]]) -> Work:
    lines.write_text("".join(f"{json.dumps(body)}\n" for body in bodies))
    return Work(method="POST", path=path, headers=API_CLIENT, lines=lines)
