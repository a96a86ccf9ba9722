"""The links and pastes of a run, made and first read through Slipbin's own front door."""

from collections.abc import Iterable, Mapping, Sequence

import httpx

from benchmarks.errors import BenchmarkError

LINKS = 1_000
PASTES = 100
PASTE_BYTES = 10_000
READS_OF_A_LINK, READS_OF_A_TEXT, READS_OF_A_PAGE = 1, 3, 3
"""Until the fast path has it: the first brings it into Redis; of a text, a web process then learns which it is, and a
page may be made once more, with its colours."""


def link_body(number: int) -> dict[str, str | int]:
    """A request to create a link, as an API client would send it."""
    return {
        "original_url": link_target(number),
        "title": f"Article {number}: how to keep it short",
        "expires_in": 86_400,
    }


def link_target(number: int) -> str:
    """The target of a link; all targets have the same length."""
    return f"https://news.example.org/2025/11/articles/{number:06}/how-to-keep-it-short?utm_source=list"


def create_links(url: str) -> dict[str, str]:
    """Make LINKS links; their addresses by key."""
    created = _create(url, "/api/v1/links", [link_body(number) for number in range(LINKS)])
    return {str(entry["key"]): str(entry["original_url"]) for entry in created}


def create_pastes(url: str) -> dict[str, str]:
    """Make PASTES pastes of PASTE_BYTES each; their texts by key."""
    texts = [_text(number) for number in range(PASTES)]
    created = _create(url, "/api/v1/pastes", [{"text": text, "syntax": "python"} for text in texts])
    return {str(entry["key"]): text for entry, text in zip(created, texts, strict=True)}


def read_first(url: str, paths: Sequence[str], *, headers: Mapping[str, str], status: int, times: int) -> None:
    """Read each so often that the fast path has it, so that nothing else is measured.

    Raises:
        BenchmarkError: something is answered with another status.
    """
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30) as client:
        for path in [*paths] * times:
            if (answer := client.get(path)).status_code != status:
                raise BenchmarkError(f"Slipbin answers {path} with {answer.status_code} instead of {status}")


def read_page(url: str, key: str, *, headers: Mapping[str, str]) -> tuple[str, bytes]:
    """The content coding of the page of a paste, and the page in it.

    Raises:
        BenchmarkError: there is none.
    """
    with httpx.stream("GET", f"{url}/{key}", headers=headers, trust_env=False, timeout=30) as answer:
        content = b"".join(answer.iter_raw())
    if answer.status_code != httpx.codes.OK:
        raise BenchmarkError(f"{url} answers /{key} with {answer.status_code} instead of 200")
    return answer.headers.get("content-encoding", "identity"), content


def _create(url: str, path: str, bodies: Iterable[object]) -> list[dict[str, object]]:
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        answers = [client.post(path, json=body) for body in bodies]
    for answer in answers:
        if answer.status_code != httpx.codes.CREATED:
            raise BenchmarkError(f"Slipbin creates no entry: {answer.status_code} {answer.text[:500]}")
    return [answer.json() for answer in answers]


def _text(number: int) -> str:
    lines = (f"def value_{number}_{line}(rate):\n    return rate * {line}\n\n" for line in range(PASTE_BYTES))
    text = ""
    while len(text) < PASTE_BYTES:
        text += next(lines)
    return text[: PASTE_BYTES - 1] + "\n"
