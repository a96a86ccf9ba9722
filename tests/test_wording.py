"""Pages, emails, errors and documents are written as a native speaker would: no sentence that once wasn't is left."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

AWKWARD = (
    "share its address", "Make a long address short", "Ends after so many", "only who has the address",
    "leaves the text",
    "letter with a link", "Look into your mail", "letter is on its way", "It stands after", "is or was in use; choose",
    "as often as it could be", "mistyped letter", "capitals count", "Back to the start", "Go there", "Look again",
    "Visitors, day by day", "Whoever comes on two days", "Nobody has come", "whatever the time zone",
    "Take all of them along",
    "Everybody who may see", "letter to it is opened", "new end is set", "it ends after", "Viewed up",
    "By the clock of UTC", "Ask for the report", "somebody, we hope", "program wrote this", "nobody reads answers",
    "who registers finds", "real from the first minute", "whatever is killed when", "session that shall end",
    "None can disable",
)  # fmt: skip


def written_for_people() -> list[Path]:
    """Templates of pages and emails, scripts of pages, modules that have sentences of errors, and documents."""
    folders = {"templates": "*.*", "static": "*.js", "main_service": "*.py", "docs": "*.md"}
    return [ROOT / "README.md", *(path for folder, name in folders.items() for path in (ROOT / folder).rglob(name))]


@pytest.mark.parametrize("sentence", AWKWARD)
def test_no_awkward_sentence_is_left(sentence: str) -> None:
    found = [path for path in written_for_people() if sentence.lower() in " ".join(path.read_text().split()).lower()]

    assert found == []
