"""README and docs/api.md show each call of the API, and none that there isn't."""

import re
import shlex

import httpx

from tests.support.engines import REPOSITORY

PAGES = ("README.md", "docs/api.md")
PLAIN_CALLS = {("put", "/"), ("post", "/")}
"""Those of docs/clients.md, which the API's own documentation leaves out."""
NOT_FOR_PEOPLE = {("get", "/health/live"), ("get", "/health/ready")}
"""docs/operating.md shows them."""


def shown_calls() -> set[tuple[str, str]]:
    """Method and path of each curl command, in blocks of shell."""
    calls = set()
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", (REPOSITORY / page).read_text(), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if "curl " in line and not line.startswith("#"):
                    calls.add(call_of(shlex.split(line[line.index("curl ") :])))
    return calls


def call_of(command: list[str]) -> tuple[str, str]:
    [address] = [word for word in command if "://" in word and "{" not in word and "=http" not in word] or [
        word for word in command if word.startswith(("$URL", "$SITE"))
    ]
    path = re.sub(r"^\$URL", "/api/v1", re.sub(r"^(https?://[^/]+|\$SITE)", "", address)).partition("?")[0]
    if "-X" in command:
        return command[command.index("-X") + 1].lower(), path
    if "-T" in command:
        return "put", path
    is_post = any(word == "-d" for word in command)
    return "post" if is_post else "get", path


def is_call(shown: tuple[str, str], operation: tuple[str, str]) -> bool:
    pattern = re.sub(r"\{[^}]+\}", "[^/]+", operation[1])
    return shown[0] == operation[0] and re.fullmatch(pattern, shown[1]) is not None


def test_each_call_for_those_who_move_is_there(client: httpx.Client) -> None:
    page = (REPOSITORY / "docs/api.md").read_text().partition("## Calls of other services")[2]
    ours = [row.split(" | ")[-1] for row in page.splitlines() if row.startswith("| ") and "---" not in row]
    calls = [call.split(" /", 1) for cell in ours for call in re.findall(r"`([A-Z]+ /[^`]*)`", cell)]
    paths = client.get("/openapi.json").json()["paths"]

    assert len(calls) > 15
    for method, rest in calls:
        path = "/" + rest.partition("?")[0]
        assert {f"/api/v1{path}", path} & paths.keys(), path
        assert any(method.lower() in paths.get(each, {}) for each in (f"/api/v1{path}", path)), path


def test_each_call_is_shown_and_each_that_is_shown_is_there(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    operations = {(method, path) for path, item in paths.items() for method in item} - NOT_FOR_PEOPLE
    shown = shown_calls()

    assert [each for each in sorted(operations) if not any(is_call(call, each) for call in shown)] == []
    assert [call for call in sorted(shown - PLAIN_CALLS) if not any(is_call(call, each) for each in operations)] == []
