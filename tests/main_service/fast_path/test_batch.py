"""A read that fails does not keep others of its batch from being answered."""

import asyncio
import time

import httpx
import pytest

from main_service.compression.encodings import Encoding
from main_service.engines.redis import RedisClient
from main_service.fast_path.batch import ReadBatcher
from main_service.fast_path.redis_connection import RedisConnection
from main_service.resources import open_resources
from main_service.visit_stream.pending import UnconfirmedVisit
from main_service.visit_stream.record import encode_visit
from tests.support.engines import Environment
from tests.support.entries import create_link
from tests.support.settings import settings_of


class Follower:
    wants_text = False
    coding: Encoding = "identity"
    page = None

    def __init__(self, key: str, *, breaks: bool) -> None:
        self.key = key
        self.visit = encode_visit(
            int(time.time() * 1000), key, ip="null", visitor="null", user_agent='""', referrer='""', language='""'
        )
        self._breaks = breaks
        self.answered = asyncio.Event()

    def redirect(self, target: bytes, *, for_search_engines: bool) -> None:  # noqa: ARG002
        if self._breaks:
            raise OSError("a bug")
        self.answered.set()

    def send_text(self, text: bytes, *, coding: Encoding, for_search_engines: bool) -> None:  # noqa: ARG002
        raise AssertionError("no text was asked for")

    def send_page(self) -> None:
        raise AssertionError("no page was asked for")

    def fall_back(self, unconfirmed: UnconfirmedVisit | None) -> None:  # noqa: ARG002
        if self._breaks:
            raise OSError("a bug")
        self.answered.set()


@pytest.mark.parametrize("is_there", [True, False], ids=["found", "not found"])
async def test_read_that_can_t_be_answered_keeps_no_others_from_being(
    client: httpx.Client, environment: Environment, is_there: bool
) -> None:
    key = create_link(client)["key"] if is_there else "never1A"
    client.get(f"/{key}")
    async with open_resources(settings_of(environment)) as resources:
        redis = RedisConnection(environment["MAIN_REDIS_URL"], script=ReadBatcher.SCRIPT)
        redis_client: RedisClient = resources.redis
        batcher = ReadBatcher(redis, redis_client, visit_writer=resources.visit_writer, texts=resources.texts)
        try:
            async with asyncio.timeout(30):
                while not batcher.is_ready:
                    await asyncio.sleep(0.01)
                for _ in range(2):
                    batcher.join(Follower(key, breaks=True))
                    behind = Follower(key, breaks=False)
                    batcher.join(behind)
                    await behind.answered.wait()
        finally:
            await redis.close()
