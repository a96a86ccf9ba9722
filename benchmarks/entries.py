"""The links and pastes of a run, made through Slipbin's own API."""

import httpx

LINKS = 1_000
PASTES = 100
PASTE_BYTES = 10_000


def link_body(number: int) -> dict[str, str | int]:
    """A request to create a link, as an API client would send it."""
    return {
        "original_url": f"https://news.example.org/2025/11/articles/{number:06}/how-to-keep-it-short?utm_source=list",
        "title": f"Article {number}: how to keep it short",
        "expires_in": 86_400,
    }


def create_links(url: str) -> dict[str, str]:
    """Make LINKS links; their addresses by key."""
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        created = [_create(client, "/api/v1/links", link_body(number)) for number in range(LINKS)]
    return {str(entry["key"]): str(entry["original_url"]) for entry in created}


def create_pastes(url: str) -> dict[str, str]:
    """Make PASTES pastes of PASTE_BYTES each; their texts by key."""
    texts = [_text(number) for number in range(PASTES)]
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        created = [_create(client, "/api/v1/pastes", {"text": text, "syntax": "python"}) for text in texts]
    return {str(entry["key"]): text for entry, text in zip(created, texts, strict=True)}


def _create(client: httpx.Client, path: str, body: dict[str, str | int] | dict[str, str]) -> dict[str, object]:
    answer = client.post(path, json=body)
    answer.raise_for_status()
    entry: dict[str, object] = answer.json()
    return entry


def _text(number: int) -> str:
    lines = (f"def value_{number}_{line}(rate):\n    return rate * {line}\n\n" for line in range(PASTE_BYTES))
    text = ""
    while len(text) < PASTE_BYTES:
        text += next(lines)
    return text[: PASTE_BYTES - 1] + "\n"
