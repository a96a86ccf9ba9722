"""The store of texts, on files and on a real S3 server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from main_service.engines.object_store import ObjectMissingError, ObjectStore
from main_service.engines.s3 import create_bucket
from main_service.engines.texts import BodyStore
from main_service.errors import BodyStoreUnavailableError, NoCredentialsError
from main_service.settings import Settings
from tests.support.engines import Environment


def settings_of(environment: Environment, **changes: str) -> Settings:
    values = {name.removeprefix("MAIN_").lower(): value for name, value in environment.items() if "MAIN_" in name}
    return Settings(**values | changes)


def store_of(settings: Settings) -> ObjectStore:
    return ObjectStore(
        settings.body_store_url, endpoint=settings.body_store_endpoint, region=settings.body_store_region
    )


def open_body_store(settings: Settings) -> BodyStore:
    return BodyStore(store_of(settings), max_text_bytes=settings.max_text_bytes)


@pytest.fixture
def bodies(store_environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[BodyStore]:
    for name, value in store_environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return open_body_store(settings_of(store_environment))


async def test_text_is_kept_compressed_and_comes_back_whole(bodies: BodyStore) -> None:
    for text in (b"a", b"a" * 100_000, bytes(range(256)) * 5000):
        body_id = uuid4()
        await bodies.put(body_id, text)
        assert await bodies.get(body_id) == text


async def test_large_text_comes_in_chunks(bodies: BodyStore) -> None:
    body_id = uuid4()
    await bodies.put(body_id, b"line\n" * 200_000)

    chunks = [chunk async for chunk in await bodies.open(body_id)]

    assert len(chunks) > 1
    assert b"".join(chunks) == b"line\n" * 200_000


async def test_missing_text_is_told_before_the_first_chunk(bodies: BodyStore) -> None:
    with pytest.raises(ObjectMissingError):
        await bodies.open(uuid4())


async def test_deleting_is_in_bulk_and_missing_ones_are_done(bodies: BodyStore) -> None:
    body_ids = [uuid4() for _ in range(5)]
    for body_id in body_ids[:3]:
        await bodies.put(body_id, b"x")

    await bodies.delete(body_ids)

    for body_id in body_ids:
        with pytest.raises(ObjectMissingError):
            await bodies.get(body_id)
    await bodies.delete([])


async def test_texts_are_listed_with_their_time(bodies: BodyStore) -> None:
    body_ids = {uuid4() for _ in range(5)}
    await asyncio.gather(*(bodies.put(body_id, b"x") for body_id in body_ids))

    listed = {stored.body_id: stored.stored_at async for page in bodies.list_pages() for stored in page}

    assert body_ids <= listed.keys()
    assert all(listed[body_id].tzinfo is not None for body_id in body_ids)


async def test_s3_server_that_is_away_is_unavailable_soon(
    s3_environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    bodies = open_body_store(settings_of(s3_environment, body_store_endpoint="http://127.0.0.1:1"))

    for attempt in (bodies.put(uuid4(), b"x"), bodies.get(uuid4()), bodies.delete([uuid4()])):
        with pytest.raises(BodyStoreUnavailableError):
            await attempt


async def test_wrong_secret_is_refused_by_the_server(
    s3_environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_environment["AWS_ACCESS_KEY_ID"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")

    with pytest.raises(BodyStoreUnavailableError):
        await open_body_store(settings_of(s3_environment)).put(uuid4(), b"x")


async def test_bucket_that_is_gone_is_no_missing_text(
    s3_environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    bodies = open_body_store(settings_of(s3_environment, body_store_url=f"s3://bucket-{uuid4()}"))

    for attempt in (bodies.get(uuid4()), bodies.check()):
        with pytest.raises(BodyStoreUnavailableError):
            await attempt


def test_bucket_is_created_once(s3_environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    settings = settings_of(s3_environment, body_store_url=f"s3://bucket-{uuid4()}")

    assert create_bucket(settings) is True
    assert create_bucket(settings) is False


def test_s3_without_credentials_says_what_to_set(
    s3_environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(NoCredentialsError, match="AWS_ACCESS_KEY_ID"):
        store_of(settings_of(s3_environment)).open()


async def test_disk_that_refuses_is_unavailable_and_leaves_nothing_readable(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "texts").mkdir()
    bodies = open_body_store(settings_of(environment, body_store_url=f"file://{tmp_path}/texts"))
    body_id = uuid4()
    (tmp_path / "texts" / body_id.hex[:2]).write_text("a file where the folder should be")

    with pytest.raises(BodyStoreUnavailableError):
        await bodies.put(body_id, b"x")
