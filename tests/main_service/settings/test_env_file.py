"""`.env` is read by whatever is started by hand; the environment wins, and what is missing is named with its list."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg
import pytest

from launcher.env_file import with_env_file
from launcher.errors import StartError
from main_service.settings.env_file import read_env_file
from tests.support import forking
from tests.support.engines import REPOSITORY, SECRET, START_SECONDS, Environment

START = """
import os, runpy, sys
os.chdir(sys.argv[1])
kind, program, *sys.argv[1:] = sys.argv[2:]
if kind == "-m":
    runpy.run_module(program, run_name="__main__", alter_sys=True)
else:
    exec(program)
"""

PROGRAMS = {
    "main_service": ["-m", "main_service", "migrate"],
    "worker": ["-m", "celery", "-A", "main_service.worker", "report"],
    "alembic": ["-m", "alembic", "current"],
    "keygen_service": ["-m", "keygen_service", "status"],
    "keygen worker": ["-m", "celery", "-A", "keygen_service.worker", "report"],
}


def run(arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and all that it says, started in `folder` by a shell without settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAIN_", "KEYGEN_", "SLIPBIN_"))}
    done = forking.run(
        *("-c", START, str(folder), *arguments), environment={**kept, **environment}, timeout=START_SECONDS
    )
    return done.returncode, (done.stdout + done.stderr).decode()


def write_settings(path: Path, settings: Mapping[str, str]) -> None:
    path.write_text("# Settings\n" + "".join(f"{name}='{value}'\n" for name, value in settings.items()))


def needed(environment: Environment) -> Environment:
    return {name: value for name, value in environment.items() if name.startswith(("MAIN_", "KEYGEN_"))}


@pytest.fixture
def working_folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").symlink_to(REPOSITORY / "pyproject.toml")
    (tmp_path / "alembic").symlink_to(REPOSITORY / "alembic")
    return tmp_path


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_takes_its_settings_from_the_file_in_the_working_directory(
    working_folder: Path, environment: Environment, program: str
) -> None:
    write_settings(working_folder / ".env", needed(environment))

    code, said = run(PROGRAMS[program], folder=working_folder, environment={})

    assert code == 0, said


def test_folders_of_the_gateway_are_taken_and_volumes_of_compose_are_not(tmp_path: Path) -> None:
    file = tmp_path / "chosen.env"
    write_settings(file, {"SLIPBIN_TLS": "/srv/tls", "SLIPBIN_ACME": "acme", "SLIPBIN_TLS_PORT": "443"})

    found = with_env_file({"SLIPBIN_ENV_FILE": str(file)})

    assert found == {"SLIPBIN_TLS": "/srv/tls", "SLIPBIN_ENV_FILE": ""}


@pytest.mark.parametrize("program", PROGRAMS)
def test_missing_settings_are_sentences_that_name_the_list_of_all(working_folder: Path, program: str) -> None:
    code, said = run(PROGRAMS[program], folder=working_folder, environment={"SLIPBIN_ENV_FILE": ""})

    prefix = "KEYGEN" if "keygen" in program else "MAIN"
    assert code != 0
    assert f"{prefix}_REDIS_URL: Field required" in said
    assert ".env.example" in said
    assert "Traceback" not in said


def test_environment_wins_over_the_file_and_an_empty_setting_means_what_it_means_there(
    working_folder: Path, environment: Environment
) -> None:
    written = {
        "MAIN_PUBLIC_URL": "https://file.example",
        "MAIN_VISIT_BUFFER": "5",
        "MAIN_UNUSED_DAYS": "",
        "MAIN_LIMIT_REGISTRATIONS": "",
        "AWS_PROFILE": "",
    }
    write_settings(working_folder / ".env", needed(environment) | written | {"PATH": "/nowhere"})
    show = (
        "from main_service.settings import load_settings; import os\n"
        "it = load_settings(); print(it.public_url, it.visit_buffer, it.unused_days, it.limit_registrations,"
        " os.environ.get('AWS_PROFILE'), os.environ['PATH'])"
    )

    code, said = run(["-c", show], folder=working_folder, environment={"MAIN_PUBLIC_URL": "https://own.example"})

    assert code == 0, said
    assert said.split() == ["https://own.example", "5", "None", "()", "None", os.environ["PATH"]]


def test_file_of_another_name_or_none_at_all_may_be_read_instead(
    working_folder: Path, environment: Environment
) -> None:
    write_settings(working_folder / ".env", {"MAIN_PUBLIC_URL": "no address"})
    write_settings(working_folder / "other", needed(environment) | {"MAIN_PUBLIC_URL": "https://other.example"})
    show = "from main_service.settings import load_settings; print(load_settings().public_url)"

    other = run(["-c", show], folder=working_folder, environment={"SLIPBIN_ENV_FILE": "other"})
    none = run(["-c", show], folder=working_folder, environment=needed(environment) | {"SLIPBIN_ENV_FILE": ""})

    assert other == (0, "https://other.example\n")
    assert none == (0, f"{environment['MAIN_PUBLIC_URL']}\n")


@pytest.mark.parametrize("program", ["main_service", "keygen_service"])
def test_file_that_can_not_be_read_is_a_sentence(working_folder: Path, program: str) -> None:
    (working_folder / ".env").write_bytes(b"MAIN_SECRET=\xff\n")

    missing = run(PROGRAMS[program], folder=working_folder, environment={"SLIPBIN_ENV_FILE": "nowhere"})
    garbled = run(PROGRAMS[program], folder=working_folder, environment={})

    assert (missing[0], "nowhere can't be read: No such file" in missing[1]) == (1, True), missing
    assert (garbled[0], ".env can't be read: it is not UTF-8" in garbled[1]) == (1, True), garbled


def test_credentials_for_s3_come_from_the_file_too(working_folder: Path, s3_environment: Environment) -> None:
    without = {name: value for name, value in s3_environment.items() if not name.startswith("AWS_")}
    credentials = {name: value for name, value in s3_environment.items() if name.startswith("AWS_")}
    write_settings(working_folder / ".env", credentials)

    code, said = run(PROGRAMS["main_service"], folder=working_folder, environment=without)

    assert code == 0, said
    assert "The schema is up to date" in said


def test_launcher_reads_the_file_for_its_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = {"MAIN_PUBLIC_URL": "https://file.example", "MAIN_MAIL_FROM": "a@b.example"}
    write_settings(tmp_path / ".env", written | {"MAIN_LIMIT_EMAILS": "", "AWS_PROFILE": "", "HOME": "/"})
    monkeypatch.chdir(tmp_path)

    read = with_env_file({"MAIN_MAIL_FROM": "c@d.example", "PATH": "/bin"})
    assert read == {
        "MAIN_PUBLIC_URL": "https://file.example",
        "MAIN_LIMIT_EMAILS": "",
        "MAIN_MAIL_FROM": "c@d.example",
        "PATH": "/bin",
        "SLIPBIN_ENV_FILE": "",
    }
    assert "MAIN_PUBLIC_URL" not in with_env_file({"SLIPBIN_ENV_FILE": ""})
    with pytest.raises(StartError, match="nowhere cannot be read: No such file"):
        with_env_file({"SLIPBIN_ENV_FILE": "nowhere"})


def test_example_taken_as_it_is_changes_nothing(working_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(REPOSITORY / ".env.example", working_folder / ".env")
    monkeypatch.chdir(working_folder)
    monkeypatch.delenv("SLIPBIN_ENV_FILE", raising=False)

    assert with_env_file({"PATH": "/bin"}) == {"PATH": "/bin", "SLIPBIN_ENV_FILE": ""}
    before = dict(os.environ)
    read_env_file()
    assert dict(os.environ) == before


async def test_a_file_with_the_whole_example_filled_in_starts_the_service(
    working_folder: Path, environment: Environment, database: asyncpg.Connection
) -> None:
    """Each line of .env.example without its `# `, as an operator leaves it who fills in what must be."""
    own = {**needed(environment), "MAIN_SECRET": SECRET}
    lines = []
    for line in (REPOSITORY / ".env.example").read_text().splitlines():
        name, separator, _ = line.removeprefix("# ").partition("=")
        is_setting = separator and name.isupper() and " " not in name
        lines.append(f"{name}={own[name]}" if name in own else line.removeprefix("# ") if is_setting else line)
    (working_folder / ".env").write_text("\n".join(lines))

    code, said = run(PROGRAMS["alembic"], folder=working_folder, environment={})

    assert code == 0, said
    assert await database.fetchval("SELECT version_num FROM alembic_version") in said
