"""Writes the lists of docs/architecture.md that are made from the code: `make rooms`."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.support.engines import REPOSITORY

PAGE = REPOSITORY / "docs/architecture.md"
SERVICE = REPOSITORY / "main_service"


def layers() -> list[str]:
    """The lines of the first contract of import-linter, from the top to the bottom."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    lines: list[str] = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    return lines


def names_in(layer: str) -> list[str]:
    return re.findall(r"\w+", layer)


def first_line(path: Path) -> str:
    """The first line of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text()))
    assert text, f"{path} has no docstring"
    return text.partition("\n")[0]


def modules_of(folder: Path) -> list[str]:
    """The names of all modules, those of packages inside with the package's: `pages/sign_in`."""
    return sorted(
        str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.py") if path.stem != "__init__"
    )


def rows() -> Iterator[str]:
    """A row for each room: its name, the first line of its docstring, and its modules."""
    yield "| room | what it is | modules |\n| --- | --- | --- |"
    for name in (name for layer in layers() for name in names_in(layer)):
        folder = SERVICE / name
        if folder.is_dir():
            modules = ", ".join(f"`{module}`" for module in modules_of(folder))
            yield f"| `{name}/` | {first_line(folder / '__init__.py')} | {modules} |"
        else:
            yield f"| `{name}` | {first_line(SERVICE / f'{name}.py')} | |"


def with_lists(page: str) -> str:
    """The page with its lists as the code has them now."""
    for name, text in (("rooms", "\n".join(rows())), ("layers", "\n".join(["```", *layers(), "```"]))):
        begin, end = f"<!-- {name}: written by `make rooms` -->", f"<!-- end of {name} -->"
        page, count = re.subn(f"{begin}.*?{end}", lambda _: f"{begin}\n{text}\n{end}", page, flags=re.DOTALL)  # noqa: B023
        assert count == 1, f"the page has no place for the {name}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_lists(PAGE.read_text()))
