"""What a new text field of an entry costs: `note` is added to a copy of the code, and that copy is run."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.accounts import new_user
from tests.support.database import execute, new_database
from tests.support.engines import REPOSITORY, Environment
from tests.support.entries import create_link, create_paste, list_entries, manage_headers
from tests.support.pages import BROWSER, created_key, send_form
from tests.support.web import WebServer
from tests.upgrade.release_before import ServerOfReleaseBefore

MAX_PYTHON_FILES = 8
MIGRATION = 1

ADDED = {
    "main_service/entries/models.py": (r"    title: Mapped\[str \| None\]\n", "    note: Mapped[str | None]\n"),
    "main_service/entries/entry.py": (r"    title: .*\n", "    note: str | None = field(metadata=_CONTENT)\n"),
    "main_service/entries/schemas.py": (
        r"    title: (Title )?(str )?\| None = (None|Field\(.*\))\n",
        "    note: Annotated[str, StringConstraints(max_length=500)] | None = None\n",
    ),
    "main_service/my_entries/filters.py": (r"    title: str \| None\n", "    note: str | None\n"),
    "main_service/my_entries/schemas.py": (r"    title: str \| None\n", "    note: str | None\n"),
    "templates/entries/home.html": (
        r".*editor\.title\(form, errors\).*\n",
        '<input id="note" name="note" value="{{ form.note }}">\n',
    ),
    "templates/entries/edit.html": (
        r".*editor\.title\(form, errors\).*\n",
        '<input id="note" name="note" value="{{ form.note }}">\n',
    ),
}
"""What is added to each file, and the text after which it is added, wherever that stands."""


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code with the field."""
    folder = tmp_path_factory.mktemp("code")
    for name in ("main_service", "static", "templates"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, (line, added) in ADDED.items():
        file = folder / name
        text, count = re.subn(f"^({line})", rf"\1{added}", file.read_text(), flags=re.MULTILINE)
        assert count, f"{name} has no title any more"
        file.write_text(text)
    return folder


@pytest.fixture(scope="module")
def own_environment(environment: Environment) -> Environment:
    """A database with the column that the migration of such a field makes."""
    own = new_database(environment, "new_field")
    execute(own, "ALTER TABLE entry ADD COLUMN note text")
    return own | {"MAIN_REDIS_URL": environment["MAIN_REDIS_URL"].replace("db=0", "db=12")}


@pytest.fixture(scope="module")
def new_web(code: Path, own_environment: Environment) -> Iterator[WebServer]:
    with ServerOfReleaseBefore(code, own_environment) as server:
        yield server


def test_few_files_are_touched() -> None:
    assert sum(name.endswith(".py") for name in ADDED) + MIGRATION <= MAX_PYTHON_FILES


@pytest.mark.parametrize("create", [create_link, create_paste])
def test_api_creates_reads_and_changes_it(new_web: WebServer, create: "type[create_link]") -> None:
    entry = create(new_web.client, note="first")
    address = f"/api/v1/entries/{entry['key']}"

    # Once from the row, once from the cache.
    notes = [entry["note"], *(new_web.client.get(address).json()["note"] for _ in range(2))]
    changed = new_web.client.patch(address, json={"note": "second"}, headers=manage_headers(entry)).json()
    notes += [changed["note"], *(new_web.client.get(address).json()["note"] for _ in range(2))]
    taken_away = new_web.client.patch(address, json={"note": None}, headers=manage_headers(entry)).json()

    assert notes == ["first"] * 3 + ["second"] * 3
    assert taken_away["note"] is None
    assert new_web.client.patch(address, json={"note": "x" * 501}, headers=manage_headers(entry)).status_code == 422


def test_before_a_limited_view_it_is_hidden(new_web: WebServer) -> None:
    link = create_link(new_web.client, note="secret", views=1)
    address = f"/api/v1/entries/{link['key']}"

    assert new_web.client.get(address).json()["note"] is None
    assert new_web.client.get(address, headers=manage_headers(link)).json()["note"] == "secret"


def test_list_and_export_have_it(new_web: WebServer) -> None:
    user = new_user(new_web.client)
    create_paste(new_web.client, headers=user.headers, note="kept", title="Title")

    (listed,) = list_entries(new_web.client, user)["items"]
    names, values = new_web.client.get("/api/v1/entries/export?format=csv", headers=user.headers).text.splitlines()
    exported = dict(zip(names.lstrip("\ufeff").split(","), values.split(","), strict=True))

    assert (listed["note"], exported["note"], exported["title"]) == ("kept", "kept", "Title")


def test_forms_create_and_edit_it(new_web: WebServer) -> None:
    with new_web.new_client() as client:
        made = send_form(client, "/?kind=link", "/links", original_url="https://example.org/", note="by form")
        key = created_key(made)
        manage = f"/{key}/manage"
        shown = client.get(f"{manage}/edit", headers=BROWSER).text
        fields = dict(re.findall(r'<input type="hidden" name="(version|seen)" value="([^"]*)"', shown))
        fields |= {"original_url": "https://example.org/", "visibility": "unlisted"}

        edited = send_form(client, f"{manage}/edit", f"{manage}/edit", **fields, note="edited")

        assert 'name="note" value="by form"' in shown
        assert edited.status_code == 303, edited.text
        assert client.get(f"/api/v1/entries/{key}").json()["note"] == "edited"
        stale = send_form(client, f"{manage}/edit", f"{manage}/edit", **fields, note="too late")
        assert stale.status_code == 409
        assert re.search(r"<dt>Note</dt>\s*<dd><bdi>edited</bdi></dd>", stale.text)
