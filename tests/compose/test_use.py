"""The site is used through the gateway, and operated by commands in its containers."""

import email
import email.policy
import re
from pathlib import Path

import httpx
import pytest

from tests.compose.project import Project
from tests.support.accounts import PASSWORD, new_email, new_username
from tests.support.pages import CURL
from tests.support.waiting import eventually

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
LONG_TEXT = "in a container " * 300_000


def sign_in(client: httpx.Client, address: str) -> dict[str, str]:
    tokens = client.post("/api/v1/auth/token", json={"email": address, "password": PASSWORD}).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def register(client: httpx.Client) -> str:
    address = new_email()
    account = {"email": address, "username": new_username(), "password": PASSWORD}
    assert client.post("/api/v1/auth/register", json=account).status_code == 201
    return address


def test_entries_are_made_read_changed_and_deleted(entrance: httpx.Client) -> None:
    link = entrance.post("/api/v1/links", json={"original_url": "https://example.org/there"}).json()
    followed = entrance.get(f"/{link['key']}", headers=BROWSER)
    assert (followed.status_code, followed.headers["location"]) == (302, "https://example.org/there")
    paste = entrance.post("/api/v1/pastes", json={"text": LONG_TEXT}).json()
    assert entrance.get(f"/{paste['key']}/raw").text == LONG_TEXT
    once = entrance.post("/api/v1/pastes", json={"text": "once", "views": 1}).json()
    assert [entrance.get(f"/{once['key']}/raw", headers=CURL).status_code for _ in range(2)] == [200, 410]
    manage = {"X-Manage-Token": paste["manage_token"]}
    changed = entrance.patch(f"/api/v1/entries/{paste['key']}", json={"text": "changed"}, headers=manage)
    assert changed.status_code == 200
    assert entrance.get(f"/{paste['key']}/raw").text == "changed"
    assert entrance.delete(f"/api/v1/entries/{paste['key']}", headers=manage).status_code == 204
    assert entrance.get(f"/{paste['key']}/raw").status_code == 410


def test_pages_have_their_style(entrance: httpx.Client) -> None:
    for page in ("/", "/register", "/docs"):
        answer = entrance.get(page, headers={"Accept": "text/html"})
        assert answer.status_code == 200
        for style in re.findall(r'href="(/static/[^"]+\.css[^"]*)"', answer.text):
            assert entrance.get(style).status_code == 200


def test_site_is_served_by_tls_too(project: Project) -> None:
    # The certificate signs itself until the operator has one.
    with httpx.Client(base_url=project.tls_address, trust_env=False, verify=False) as client:
        assert client.get("/health/live").status_code == 200


def test_visits_are_counted(entrance: httpx.Client) -> None:
    mine = sign_in(entrance, register(entrance))
    link = entrance.post("/api/v1/links", json={"original_url": "https://example.org/"}, headers=mine).json()
    for _ in range(3):
        entrance.get(f"/{link['key']}", headers=BROWSER)

    def counted() -> int:
        return int(entrance.get(f"/api/v1/entries/{link['key']}/stats", headers=mine).json()["visit_count"])

    eventually(lambda: counted() == 3, "three visits")


def test_email_to_confirm_an_address_is_found_where_the_operator_looks(
    project: Project, entrance: httpx.Client, tmp_path: Path
) -> None:
    answer = entrance.get("/register", headers={"Accept": "text/html"})
    assert "no mail server yet" in answer.text
    address = register(entrance)

    def find_link() -> str | None:
        project.compose("cp", "main-worker:/var/lib/slipbin/outbox", str(tmp_path))
        for file in (tmp_path / "outbox").glob("*.eml"):
            message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            body = message.get_body(["plain"])
            if message["To"] == address and body is not None:
                return next(iter(re.findall(r"/verify/\S+", body.get_content())), None)
        return None

    # There is none before the first email.
    project.execute("main-worker", "mkdir", "-p", "/var/lib/slipbin/outbox")
    link = eventually(find_link, "the email")
    assert entrance.get(f"/api/v1/auth{link}").status_code == 200
    assert entrance.get("/api/v1/users/me", headers=sign_in(entrance, address)).json()["is_verified"] is True


def test_operators_run_commands_in_the_container(project: Project, entrance: httpx.Client) -> None:
    def main(*arguments: str, given: str | None = None) -> str:
        return project.execute("main", "python", "-m", "main_service", *arguments, given=given)

    address = new_email()
    said = main("create-superuser", "--email", address, "--username", new_username(), given=f"{PASSWORD}\n")
    assert "is a superuser" in said
    assert entrance.get("/api/v1/users/me", headers=sign_in(entrance, address)).json()["is_superuser"] is True
    assert "expired entries ended" in main("cleanup")
    assert "up to date" in main("migrate")
    assert "2000 of 2000" in project.execute("keygen-worker", "python", "-m", "keygen_service", "status")


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_operators_are_told_that_nothing_is_wrong(project: Project, command: str) -> None:
    ask = f"python -m main_service {command}"

    # The first run of a task may still be due.
    eventually(lambda: not project.refuses("main", ask), f"a {command} without a problem", seconds=180)

    told = project.execute("main", *ask.split())
    assert "PROBLEM" not in told
    assert "No web process answers" not in told


def test_commands_leave_no_files_among_the_metrics(project: Project) -> None:
    before = project.execute("main", "ls", "/run/metrics").split()

    project.execute("main", "python", "-m", "main_service", "cleanup")

    assert set(project.execute("main", "ls", "/run/metrics").split()) <= set(before)
