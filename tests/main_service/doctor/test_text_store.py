"""`python -m main_service doctor` on buckets and folders of texts that can't be used."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults.own_mounts import own_mounts
from tests.main_service.doctor.examined import PASSWORD, RANDOM, Examined, examine
from tests.support import forking
from tests.support.engines import START_SECONDS, Environment, full
from tests.support.ports import reserved_port


def test_bucket_and_keys_of_s3(broken: Environment, s3_environment: Environment) -> None:
    there = s3_environment | {"MAIN_SECRET": RANDOM, "MAIN_BROKER_URL": broken["MAIN_BROKER_URL"]}
    missing = examine(there | {"MAIN_BODY_STORE_URL": "s3://no-such-bucket/bodies"})
    wrong_secret = examine(there | {"AWS_SECRET_ACCESS_KEY": PASSWORD})
    wrong_key = examine(there | {"AWS_ACCESS_KEY_ID": "nobody:else"})
    good = examine(there)

    assert "does not exist. -> Run: python -m main_service migrate" in missing.problem("text store")
    for wrong in (wrong_secret, wrong_key):
        assert "secret key don't fit together. -> Correct AWS_ACCESS_KEY_ID" in wrong.problem("text store")
    assert "could be written" in good.of("text store", "ok")
    assert PASSWORD not in wrong_secret.said


def test_migrate_tells_a_wrong_key_from_a_server_that_is_away(s3_environment: Environment, broken: Environment) -> None:
    there = full(s3_environment | {"AWS_SECRET_ACCESS_KEY": PASSWORD})
    refused = forking.run("-m", "main_service", "migrate", environment=there, timeout=START_SECONDS)
    with reserved_port() as port:
        nowhere = there | {"MAIN_BODY_STORE_ENDPOINT": f"http://127.0.0.1:{port}"}
        away = forking.run("-m", "main_service", "migrate", environment=nowhere, timeout=START_SECONDS)

    assert (refused.returncode, away.returncode) == (1, 1)
    assert b"does not let us use the bucket" in refused.stderr
    assert b"AWS_SECRET_ACCESS_KEY is wrong" in refused.stderr
    assert b"can't be reached" in away.stderr


def test_folder_of_texts_that_is_missing_is_not_made(broken: Environment, tmp_path: Path) -> None:
    texts = tmp_path / "not-mounted"

    found = examine(broken | {"MAIN_BODY_STORE_URL": f"file://{quote(str(texts))}"})

    assert f"The folder of texts {texts} is missing." in found.problem("text store")
    assert "mount" in found.problem("text store")
    assert not texts.exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [("ro", "is mounted read-only"), ("size=1m", "less than MAIN_BODY_STORE_MIN_FREE_BYTES (512 MiB): new texts")],
)
def test_disk_of_texts_that_is_read_only_or_full(broken: Environment, tmp_path: Path, options: str, told: str) -> None:
    mount = ["sh", "-c", f'mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"', str(tmp_path)]
    doctor = [sys.executable, "-m", "main_service", "doctor", "--json"]
    there = broken | {"MAIN_BODY_STORE_URL": f"file://{tmp_path}", "MAIN_BODY_STORE_MIN_FREE_BYTES": ""}
    done = subprocess.run(
        [*own_mounts(), *mount, *doctor], env=full(there), capture_output=True, check=False, timeout=START_SECONDS
    )
    found = Examined(done.returncode, json.loads(done.stdout)["findings"], "")

    assert (found.status, told in found.problem("text store")) == (1, True), done.stdout
