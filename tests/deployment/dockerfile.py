"""The Dockerfile and .dockerignore, read as Docker reads them, as far as ours use them."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.engines import REPOSITORY

KNOWN = {"FROM", "LABEL", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "CMD"}


@dataclass(frozen=True)
class Stage:
    image: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Instruction and what follows it."""

    def last(self, instruction: str) -> str:
        return [rest for name, rest in self.steps if name == instruction][-1]


def stages() -> list[Stage]:
    text = (REPOSITORY / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found: list[Stage] = []
    for instruction in "\n".join(lines).replace("\\\n", "").splitlines():
        name, rest = instruction.split(maxsplit=1)
        assert name in KNOWN, f"not known here: {instruction}"
        if name == "FROM":
            image, _, stage = rest.partition(" AS ")
            found.append(Stage(image, stage))
        else:
            found[-1].steps.append((name, rest))
    return found


def command() -> list[str]:
    return list(json.loads(stages()[-1].last("CMD")))


def assignments(rest: str) -> dict[str, str]:
    """The variables of an ENV instruction."""
    return dict(word.split("=", 1) for word in shlex.split(rest))


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a file of the repository through to the builder: the last line that fits decides."""
    answer = True
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#") and _fits(pattern.removeprefix("!"), path):
            answer = pattern.startswith("!")
    return answer


def sent_files() -> list[str]:
    """The repository's files that the builder gets, relative to it."""
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert "*" in lines, "everything would be looked at, .venv too"
    named = {line[1:].split("/")[0] for line in lines if line.startswith("!")}
    files = (file for name in sorted(named) for file in _files(REPOSITORY / name))
    return [path for file in files if is_sent(path := str(file.relative_to(REPOSITORY)))]


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def _fits(pattern: str, path: str) -> bool:
    """A pattern fits a path, or a folder above it."""
    expression = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(f"{expression}(?:/.*)?", path) is not None
