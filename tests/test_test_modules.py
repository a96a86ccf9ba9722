"""Tests stand alone: none imports another, and the name of a fixture means the same wherever it is defined."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.support.engines import REPOSITORY

FOLDER = REPOSITORY / "tests"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(FOLDER.rglob("*.py")):
        yield path.relative_to(REPOSITORY), ast.parse(path.read_text())


def imported_modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def fixtures(tree: ast.Module) -> Iterator[Function]:
    for node in tree.body:
        if isinstance(node, Function) and any("pytest.fixture" in ast.unparse(each) for each in node.decorator_list):
            yield node


def meaning(fixture: Function) -> str:
    """What it does and gives, whatever its scope, its docstring and the names inside it are."""
    return ast.unparse(ast.Module([ast.Pass(), *body_of(fixture)], []))


def body_of(fixture: Function) -> list[ast.stmt]:
    return fixture.body[1:] if ast.get_docstring(fixture) else fixture.body


def test_no_test_module_imports_another_or_a_conftest() -> None:
    found = {
        (str(path), module)
        for path, tree in trees()
        for module in imported_modules(tree)
        if module.startswith("tests.")
        and any(part.startswith("test_") or part == "conftest" for part in module.split("."))
    }

    assert found == set()


def kind(fixture: Function) -> str:
    """The class of what it gives, without its module."""
    assert fixture.returns is not None, fixture.name
    gives = re.sub(r"^(Async)?Iterator\[(.*)\]$", r"\2", ast.unparse(fixture.returns))
    return gives.strip("'").partition("[")[0].rpartition(".")[2]


def test_name_of_a_fixture_has_one_meaning() -> None:
    """A fixture of tests/conftest.py may be replaced by one of the same kind: `web` with other settings, say."""
    shared = {fixture.name: kind(fixture) for fixture in fixtures(ast.parse((FOLDER / "conftest.py").read_text()))}
    places: dict[str, dict[str, str]] = defaultdict(dict)
    for path, tree in trees():
        for fixture in fixtures(tree):
            if fixture.name in shared:
                assert kind(fixture).endswith(shared[fixture.name]), f"{fixture.name} of {path} is of another kind"
            else:
                places[fixture.name].setdefault(meaning(fixture), str(path))

    assert {name: list(found.values()) for name, found in places.items() if len(found) > 1} == {}
