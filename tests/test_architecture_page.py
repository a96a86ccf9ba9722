"""docs/architecture.md lists the rooms that there are, and leads to pages that exist."""

import re

from tests.support.engines import REPOSITORY
from tests.support.rooms import PAGE, with_lists

CODE = ("main_service", "keygen_service", "launcher", "benchmarks", "deploy", "tests")


def test_lists_are_those_of_the_code() -> None:
    assert PAGE.read_text() == with_lists(PAGE.read_text()), "run `make rooms`"


def test_every_link_between_documents_leads_somewhere() -> None:
    pages = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())]
    assert len(links) > 20

    assert [(page.name, link) for page, link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [page.name[:4] for page in (REPOSITORY / "docs/decisions").glob("*.md")]

    assert sorted(numbers) == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_documents_name_modules_that_exist() -> None:
    files = [str(path) for folder in CODE for path in (REPOSITORY / folder).rglob("*.py")]
    pages = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]
    named = [(page.name, name) for page in pages for name in re.findall(r"`([\w/]+\.py)`", page.read_text())]
    assert len(named) > 20

    assert [(page, name) for page, name in named if not any(file.endswith(f"/{name}") for file in files)] == []
