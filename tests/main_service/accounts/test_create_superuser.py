"""`python -m main_service create-superuser`, as operators type it."""

import os
import select
import subprocess
import sys
import time

import asyncpg
import httpx
import pytest

from tests.support.accounts import PASSWORD, bearer, new_email, new_user, new_username, sign_in
from tests.support.create_superuser import create_superuser, refusal
from tests.support.engines import REPOSITORY, START_SECONDS, Environment, full

ON_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "main_service", *sys.argv[1:]])
"""


def me(client: httpx.Client, name: str) -> dict[str, object]:
    answer = client.get("/api/v1/users/me", headers=bearer(sign_in(client, name)["access_token"]))
    found: dict[str, object] = answer.json()
    return found


def test_new_superuser_is_confirmed_and_may_sign_in_and_administer(
    environment: Environment, client: httpx.Client
) -> None:
    email, username = new_email(), new_username()

    done = create_superuser(environment, "--email", email.title(), "--username", username)

    assert done.returncode == 0, done.stderr
    assert "is a superuser" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    account = me(client, username)
    assert (account["is_superuser"], account["is_verified"], account["username"]) == (True, True, username)
    token = sign_in(client, email)["access_token"]
    answer = client.get("/api/v1/admin/accounts", params={"email": email}, headers=bearer(token))
    assert [found["username"] for found in answer.json()] == [username]


def test_user_name_is_optional(environment: Environment, client: httpx.Client) -> None:
    email = new_email()
    assert create_superuser(environment, "--email", email, password=PASSWORD).returncode == 0
    assert me(client, email)["username"] is None


@pytest.mark.parametrize(
    ("options", "password", "sentence"),
    [
        (("--email", "nobody"), PASSWORD, "email: This isn't an email address."),
        (("--email", "new@example.org", "--username", "a b"), PASSWORD, "username: A username has 3 to 30"),
        (("--email", "new@example.org"), "weak", "password: A password has 8 to 128 characters"),
        (("--email", "new@example.org"), "", "password: A password has 8 to 128 characters"),
        (("--email", "new@example.org"), "New@example.org1", "password: The password can't contain your email"),
        (("--email", "new@example.org"), "Aa1" * 50, "password: String should have at most 128"),
        (("--email", "new@example.org"), b"W\xff-onderful-1\n", "The password on standard input is not UTF-8."),
        (("--email", "new@example.org", "--username", "new", "--promote"), "", "leave --username out"),
    ],
)
async def test_what_registering_would_refuse_is_refused(
    environment: Environment,
    database: asyncpg.Connection,
    options: tuple[str, ...],
    password: str | bytes,
    sentence: str,
) -> None:
    assert sentence in refusal(environment, *options, password=password)
    assert await database.fetchval("SELECT count(*) FROM account WHERE email = 'new@example.org'") == 0


async def test_account_of_the_address_is_taken_only_if_told_to(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    await database.execute("UPDATE account SET is_verified = true WHERE email = $1", user.email)

    sentence = refusal(environment, "--email", user.email.upper(), password="Another-one-2\n")
    assert sentence == "email: This email already has an account.\n--promote makes it a superuser."
    assert not me(client, user.email)["is_superuser"]

    done = create_superuser(environment, "--email", user.email.upper(), "--promote", password="")
    assert done.returncode == 0, done.stderr
    assert "is a superuser now" in done.stdout
    assert me(client, user.email)["is_superuser"]


def test_taken_user_name_is_refused(environment: Environment, client: httpx.Client) -> None:
    user = new_user(client)
    sentence = refusal(environment, "--email", new_email(), "--username", user.username.upper())
    assert sentence == "username: That username is taken. Try another."


async def test_address_that_is_not_confirmed_is_not_promoted(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection
) -> None:
    """A stranger may have registered it, and knows its password."""
    user = new_user(client)
    assert "This address is not confirmed" in refusal(environment, "--email", user.email, "--promote")
    assert not await database.fetchval("SELECT is_superuser FROM account WHERE email = $1", user.email)


def test_address_without_account_is_not_promoted(environment: Environment) -> None:
    assert refusal(environment, "--email", new_email(), "--promote") == "email: This email has no account."


def test_without_the_database_it_ends_with_a_sentence(environment: Environment) -> None:
    away = environment | {"MAIN_DATABASE_URL": "postgresql+asyncpg://slipbin@/slipbin?host=/nowhere"}
    assert refusal(away, "--email", new_email()) == "The database isn't responding right now."
    assert refusal(away, "--email", new_email(), "--promote") == "The database isn't responding right now."


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(
    environment: Environment, client: httpx.Client
) -> None:
    email = new_email()
    ours, theirs = os.openpty()
    command = subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, "create-superuser", "--email", email],
        env=full(environment),
        cwd=REPOSITORY,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        shown = type_when_asked(ours, b"Password: ", "Wrong-twice-1")
        shown += type_when_asked(ours, b"again: ", PASSWORD)
        # The two differ.
        shown += type_when_asked(ours, b"Password: ", PASSWORD)
        shown += type_when_asked(ours, b"again: ", PASSWORD)
        shown += read_until(ours, b"is a superuser")
        assert command.wait(START_SECONDS) == 0
    finally:
        command.kill()
        command.wait()
        os.close(ours)
    assert PASSWORD.encode() not in shown
    assert me(client, email)["is_superuser"]


def type_when_asked(terminal: int, question: bytes, answer: str) -> bytes:
    """The space behind a question is written once the terminal shows no more what is typed."""
    shown = read_until(terminal, question)
    os.write(terminal, f"{answer}\n".encode())
    return shown


def read_until(terminal: int, words: bytes) -> bytes:
    deadline = time.monotonic() + START_SECONDS
    shown = b""
    while words not in shown:
        readable, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert readable, shown
        shown += os.read(terminal, 1024)
    return shown
