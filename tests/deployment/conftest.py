"""A compose project whose engines are the ones of the tests."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.deployment.containers import BROKER_NUMBER, REDIS_NUMBER, Containers
from tests.support.engines import Environment
from tests.support.ports import reserved_port
from tests.support.swift_server import SwiftServer


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with reserved_port() as number:
        yield number


@pytest.fixture(scope="module")
def variables(environment: Environment, swift: SwiftServer, port: int) -> Environment:
    """What .env would hold for these engines. The keys to S3 are not among them: they come from the volume."""
    socket = urlsplit(environment["MAIN_REDIS_URL"]).path
    redis = f"unix://{socket}?db={REDIS_NUMBER}"
    broker = f"redis+socket://{socket}?virtual_host={BROKER_NUMBER}"
    return {
        "SLIPBIN_PORT": str(port),
        "MAIN_DATABASE_URL": environment["MAIN_DATABASE_URL"],
        "MAIN_REDIS_URL": redis,
        "MAIN_BROKER_URL": broker,
        "MAIN_BODY_STORE_ENDPOINT": swift.endpoint_url,
        "MAIN_BODY_STORE_URL": "s3://compose/bodies",
        "KEYGEN_REDIS_URL": redis,
        "KEYGEN_BROKER_URL": broker,
        "KEYGEN_POOL_SIZE": "500",
    }


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory, variables: Environment, swift: SwiftServer) -> Containers:
    """The project after `secrets` and `migrate`. Its key to S3 is Swift's, because it can't teach Swift another one."""
    project = Containers(tmp_path_factory.mktemp("compose"), variables)
    key = {"accessKey": swift.access_key_id, "secretKey": swift.secret_access_key}
    identities = {"identities": [{"name": "slipbin", "credentials": [key], "actions": ["Admin"]}]}
    Path(project.volume("secrets") / "s3.json").write_text(json.dumps(identities))
    for service in ("secrets", "migrate"):
        assert project.run(service).returncode == 0
    return project
