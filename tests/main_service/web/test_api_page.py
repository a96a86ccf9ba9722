"""The page of examples: each command, copied into a shell in an empty folder, answers what stands beside it."""

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from main_service.settings import Settings
from main_service.web.templating import create_templates
from tests.support.accounts import new_user
from tests.support.engines import Environment
from tests.support.pages import BROWSER
from tests.support.settings import VALID_SETTINGS
from tests.support.tools import find_curl
from tests.support.visits import add_batch, ingest, visit_to
from tests.support.web import WebServer

TYPING_SECONDS = 120


class Examples(HTMLParser):
    """The text of each `<code>` that has an id, as a browser copies it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.copied: set[str] = set()
        self._open: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "code" and attributes.get("id"):
            self._open = str(attributes["id"])
            self.texts[self._open] = ""
        if tag == "button" and attributes.get("data-copy"):
            self.copied.add(str(attributes["data-copy"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open] += data

    @property
    def names(self) -> list[str]:
        """The names of the examples, in the order of the page."""
        return [name.removesuffix("-command") for name in self.texts if name.endswith("-command")]


def shape(value: Any) -> Any:
    """What stays the same from answer to answer: names, types, and of a text whether it is a time or a URL."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    if isinstance(value, str):
        if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
            return "time"
        site = re.match("https?://[^/]+/", value)
        return site[0] if site else "text"
    return type(value).__name__


@pytest.fixture
def examples(client: httpx.Client) -> Examples:
    return Examples(client.get("/api", headers=BROWSER).text)


def test_every_command_can_be_copied_and_names_this_host(examples: Examples, environment: Environment) -> None:
    commands = {f"{name}-command" for name in examples.names}

    assert len(commands) >= 10
    assert examples.copied == commands
    for name in commands:
        assert f"{environment['MAIN_PUBLIC_URL']}/" in examples.texts[name]


def test_address_of_the_host_is_that_of_the_settings() -> None:
    settings = Settings(**{**VALID_SETTINGS, "public_url": "https://paste.example.org"})
    template = create_templates(settings).get_template("docs/api.html")

    found = Examples(template.render(has_session=False, status=200))

    for name in found.names:
        assert "https://paste.example.org/" in found.texts[f"{name}-command"]


async def test_every_command_answers_what_stands_beside_it(
    web: WebServer,
    client: httpx.Client,
    examples: Examples,
    environment: Environment,
    valkey: "redis.Redis[str]",
    tmp_path: Path,
) -> None:
    user = new_user(client)
    client.post("/api/v1/links", json={"original_url": "https://example.org/"}, headers=user.headers)
    made = client.post("/api/v1/tokens", json={"name": "script", "scopes": ["read"]}, headers=user.headers).json()
    placeholders = {"API_TOKEN": made["token"]}

    for name in examples.names:
        command, expected = examples.texts[f"{name}-command"], examples.texts.get(f"{name}-answer", "")
        command = command.replace(environment["MAIN_PUBLIC_URL"], web.address)
        for placeholder, value in placeholders.items():
            command = re.sub(rf"\b{placeholder}\b", value, command)
        if name == "statistics":
            add_batch(valkey, [visit_to(placeholders["KEY"])])
            await ingest(environment)
        typed = subprocess.run(
            ["/bin/sh", "-eu"],
            input=command.replace("curl ", f"{find_curl()} "),
            cwd=tmp_path,
            env={},
            capture_output=True,
            text=True,
            timeout=TYPING_SECONDS,
            check=True,
        )
        if expected.startswith("{"):
            answer = json.loads(typed.stdout)
            assert shape(answer) == shape(json.loads(expected)), name
            if name == "paste":
                placeholders |= {"KEY": answer["key"], "MANAGE_TOKEN": answer["manage_token"]}
        else:
            assert typed.stdout.rstrip("\n") == expected, name

    assert [path.name for path in tmp_path.iterdir()] == ["code.svg"]
    assert (tmp_path / "code.svg").read_text().startswith("<")
