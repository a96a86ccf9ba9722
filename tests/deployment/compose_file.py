"""docker-compose.yml and what it includes as Compose reads them: variables filled in, anchors merged."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from tests.support.engines import REPOSITORY

OURS = (
    "main",
    "main-worker",
    "main-slow",
    "main-beat",
    "keygen-worker",
    "keygen-beat",
    "migrate",
    "secrets",
    "gateway-config",
    "gateway-certificates",
)
ENGINES = ("postgres", "valkey", "seaweedfs")
ONE_SHOT = ("migrate", "secrets", "gateway-config")

MAIN_FILE = "docker-compose.yml"
OBSERVABILITY_FILE = "deploy/observability/compose.yml"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def compose_file(variables: Mapping[str, str] | None = None, *, file: str = MAIN_FILE) -> dict[str, Any]:
    """The file with `variables`, Compose's environment and .env, filled in. None are needed."""
    values = variables or {}
    filled = _filled(_text(file), lambda name, _: values.get(name))
    return {key: value for key, value in filled.items() if not key.startswith("x-")}


def used_variables(*, file: str = MAIN_FILE) -> dict[str, set[str]]:
    """Every variable in the file, with the defaults it is given; "" where it has none."""
    found: dict[str, set[str]] = {}

    def look_up(name: str, default: str) -> None:
        found.setdefault(name, set()).add(default)

    _filled(_text(file), look_up)
    return found


def example_values(*, with_comments: bool) -> dict[str, str]:
    """What .env.example sets; `with_comments`: and what it shows commented out."""
    mark = "(?:# )?" if with_comments else ""
    return dict(re.findall(rf"^{mark}([A-Z_]+)=(.*)$", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))


def _text(file: str) -> Any:
    return yaml.safe_load((REPOSITORY / file).read_text())


def _filled(node: Any, look_up: Callable[[str, str], str | None]) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, look_up) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, look_up) for value in node]
    return _fill_in(node, look_up) if isinstance(node, str) else node


def _fill_in(text: str, look_up: Callable[[str, str], str | None]) -> str:
    """`text` with its `${NAME}`, `${NAME-default}` and `${NAME:-default}` replaced; `$$` is a dollar.

    `look_up` is given the name and the default; None means that the variable is not set.
    """
    result, position = "", 0
    while (dollar := text.find("$", position)) >= 0:
        result += text[position:dollar]
        if text.startswith("$$", dollar):
            result, position = result + "$", dollar + 2
            continue
        assert text.startswith("${", dollar), f"a dollar that means nothing: {text}"
        end = _closing_brace(text, dollar + 2)
        inner = text[dollar + 2 : end]
        name = _NAME.match(inner)
        assert name, f"no name: {text}"
        operator = re.match(r":?-|$", inner[name.end() :])
        assert operator, f"not known here: {text}"
        default = _fill_in(inner[name.end() + operator.end() :], look_up)
        value = look_up(name[0], default)
        result += default if value is None or (operator[0] == ":-" and not value) else value
        position = end + 1
    return result + text[position:]


def _closing_brace(text: str, start: int) -> int:
    depth = 1
    for position in range(start, len(text)):
        depth += (text.startswith("${", position)) - (text[position] == "}")
        if depth == 0:
            return position
    raise AssertionError(f"a brace is missing: {text}")
