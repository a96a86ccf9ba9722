"""What code imports is declared by us: what another package happens to bring may be gone with its next version."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator

import pytest

from tests.support.engines import REPOSITORY

OURS = {"main_service", "keygen_service", "launcher", "deploy", "benchmarks", "tests", "slipbin_client"}
PRODUCT = ("main_service", "keygen_service", "launcher", "alembic", "deploy")
DEVELOPMENT = ("tests", "benchmarks")


def distribution(requirement: str) -> str:
    """The normalised name of what a requirement or a distribution names (PEP 503)."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def declared(*, for_development: bool) -> set[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    requirements = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["detect"]]
    if for_development:
        requirements += project["dependency-groups"]["dev"]
    return {distribution(requirement) for requirement in requirements}


def imports(folder: str) -> Iterator[tuple[str, str]]:
    """File and top-level module of each import of what neither Python nor we bring, wherever in a file it stands."""
    for path in (REPOSITORY / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                module = name.partition(".")[0]
                if module not in OURS and module not in sys.stdlib_module_names:
                    yield str(path.relative_to(REPOSITORY)), module


@pytest.mark.parametrize(
    ("folders", "for_development"), [(PRODUCT, False), (DEVELOPMENT, True)], ids=["product", "development"]
)
def test_every_package_that_is_imported_is_declared(folders: tuple[str, ...], for_development: bool) -> None:
    distributions = importlib.metadata.packages_distributions()
    ours = declared(for_development=for_development)

    found = [each for folder in folders for each in imports(folder)]
    undeclared = {
        (module, file) for file, module in found if not ours & set(map(distribution, distributions.get(module, [])))
    }

    assert len({module for _, module in found}) > 5
    assert undeclared == set()


def test_client_imports_its_own_three_dependencies_and_nothing_of_the_services() -> None:
    project = tomllib.loads((REPOSITORY / "client/pyproject.toml").read_text())["project"]

    found = {module for _, module in imports("client")}
    of_services = [path for path in (REPOSITORY / "client").rglob("*.py") if "main_service" in path.read_text()]

    # keyring is looked for when it is needed, and may be missing.
    assert {distribution(requirement) for requirement in project["dependencies"]} == found == {"httpx", "rich", "typer"}
    assert of_services == []
