"""Opens the engines and what every feature shares, in one place for web, worker, command line and tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.files import FileStore
from main_service.engines.object_store import ObjectStore
from main_service.engines.page_cache import PageCache
from main_service.engines.password_hasher import PasswordHasher
from main_service.engines.postgres import Session, create_engine
from main_service.engines.rate_limits import RateLimiter
from main_service.engines.redis import RedisClient
from main_service.engines.texts import BodyStore, TextCache
from main_service.keys.bloom import KeyHasher
from main_service.keys.key_filter import KeyFilter
from main_service.keys.pool import KeySource
from main_service.keys.scan_limit import ScanLimit
from main_service.settings import Settings
from main_service.visit_stream.writer import VisitWriter

REDIS_SECONDS = 2
REDIS_CONNECT_SECONDS = 1
REDIS_CONNECTIONS = 100
"""How many connections to Redis a process may have."""
TASK_STATEMENT_SECONDS = 120
"""How long a statement of a task may take: no user waits for it."""


@dataclass(frozen=True)
class Resources:
    """What a process holds open and shares between requests or tasks."""

    settings: Settings
    sessions: async_sessionmaker[Session]
    redis: RedisClient
    bodies: BodyStore
    files: FileStore
    keys: KeySource
    key_filter: KeyFilter
    visit_writer: VisitWriter
    texts: TextCache
    pages: PageCache
    password_hasher: PasswordHasher
    limiter: RateLimiter
    scan_limit: ScanLimit


@asynccontextmanager
async def open_resources(settings: Settings, *, for_task: bool = False) -> AsyncIterator[Resources]:
    """Everything a process needs, closed at the end. Connects lazily: an engine that is away does not stop the start.

    `for_task`: a background task runs in an event loop of its own, so it keeps no pool of connections, and its
    statements may take longer.
    """
    store = object_store_of(settings)
    if for_task:
        engine = create_engine(settings.database_url, pool_size=None, statement_seconds=TASK_STATEMENT_SECONDS)
    else:
        engine = create_engine(settings.database_url, pool_size=settings.database_pool_size)
    # Many requests at once wait for a connection. The ordinary pool refuses them, which would count as a Redis that is
    # away.
    redis_pool = BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=REDIS_CONNECTIONS,
        timeout=REDIS_SECONDS,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_CONNECT_SECONDS,
        # Reconnect at once if Redis closed the connection, but don't wait twice for a Redis that hangs.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        # Don't tell Redis the client's version, which redis-py looks up on disk for each connection.
        driver_info=None,
    )
    redis = Redis.from_pool(redis_pool)
    redis_client = RedisClient(redis)
    visit_writer = VisitWriter(redis_client, buffer=settings.visit_buffer)
    password_hasher = PasswordHasher()
    limiter = RateLimiter(redis_client)
    try:
        yield Resources(
            settings=settings,
            sessions=async_sessionmaker(engine, class_=Session, expire_on_commit=False),
            redis=redis_client,
            bodies=BodyStore(
                store, max_text_bytes=settings.max_text_bytes, min_free_bytes=settings.body_store_min_free_bytes
            ),
            files=FileStore(store, min_free_bytes=settings.body_store_min_free_bytes),
            keys=KeySource(redis_client),
            key_filter=KeyFilter(redis_client, hasher=KeyHasher(settings.secret)),
            visit_writer=visit_writer,
            texts=TextCache(),
            pages=PageCache(),
            password_hasher=password_hasher,
            limiter=limiter,
            scan_limit=ScanLimit(limiter, per_minute=settings.unknown_keys_per_minute, secret=settings.secret),
        )
    finally:
        password_hasher.close()
        await limiter.close()
        await visit_writer.close()
        await redis.aclose()
        await engine.dispose()


def object_store_of(settings: Settings) -> ObjectStore:
    """The object store of the process, always the same one. It is opened when first used."""
    return _object_store(settings.body_store_url, settings.body_store_endpoint, settings.body_store_region)


@lru_cache(maxsize=1)
def _object_store(url: str, endpoint: str | None, region: str) -> ObjectStore:
    """Shared by all tasks of a process, because opening it takes 15 ms, and with S3 may request credentials."""
    return ObjectStore(url, endpoint=endpoint, region=region)
