"""Each kind of address in the settings builds a client that speaks what the address says, and the others are refused.

Nothing answers here but a listener that notes what a client says first.
"""

import asyncio
import gc
import socket
from contextlib import suppress
from threading import Thread

import pytest
import redis.asyncio
from kombu import Connection
from kombu.exceptions import OperationalError
from obstore.store import S3Store
from pydantic import ValidationError
from sqlalchemy import text

import keygen_service.settings
from keygen_service.pool import connect
from main_service.engines.postgres import Session, create_engine
from main_service.errors import DatabaseUnavailableError
from main_service.mail.errors import MailServerUnavailableError
from main_service.mail.messages import EmailRenderer, mail_host
from main_service.mail.transport import create_transport
from main_service.resources import object_store_of
from main_service.settings import Settings
from tests.support.engines import SECRET
from tests.support.settings import VALID_SETTINGS, example_settings

TLS_HELLO = b"\x16\x03"
POSTGRES_TLS = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""PostgreSQL's request to go on with TLS."""
SECONDS = 30


class FirstWords:
    """A listener that notes the first bytes of one client, greets it first if it must, and hangs up."""

    def __init__(self, greeting: bytes = b"") -> None:
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(SECONDS)
        self.port = self._listener.getsockname()[1]
        self.heard = b""
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def wait(self) -> bytes:
        self._thread.join(SECONDS)
        return self.heard

    def _listen(self) -> None:
        with self._listener, suppress(OSError):
            connection = self._listener.accept()[0]
            with connection:
                connection.settimeout(SECONDS)
                connection.sendall(self._greeting)
                self.heard = connection.recv(4096)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("", POSTGRES_TLS),
        ("?ssl=require", POSTGRES_TLS),
        ("?ssl=prefer", POSTGRES_TLS),
        ("?ssl=disable", b"\x00\x00"),
        ("?target_session_attrs=read-write&prepared_statement_cache_size=0", POSTGRES_TLS),
    ],
)
async def test_database_is_spoken_to_as_its_address_says(rest: str, expected: bytes) -> None:
    server = FirstWords()
    url = f"postgresql+asyncpg://slipbin:p%40ss@127.0.0.1:{server.port}/slipbin{rest}"
    engine = create_engine(Settings(**VALID_SETTINGS | {"database_url": url}).database_url, pool_size=None)

    with pytest.raises(DatabaseUnavailableError):
        async with Session(engine) as session:
            await session.execute(text("SELECT 1"))
    await engine.dispose()

    heard = await asyncio.to_thread(server.wait)
    assert heard.startswith(expected)
    assert (heard[:8] == POSTGRES_TLS) == (expected == POSTGRES_TLS)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://127.0.0.1:{port}/0", b"*"),
        ("redis://ada:p%40ss@127.0.0.1:{port}/0?health_check_interval=10", b"*"),
        ("rediss://127.0.0.1:{port}/0", TLS_HELLO),
        ("rediss://127.0.0.1:{port}/0?ssl_cert_reqs=none", TLS_HELLO),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_redis_is_spoken_to_as_its_address_says(url: str, expected: bytes) -> None:
    main, keygen, broker = FirstWords(), FirstWords(), FirstWords()
    at = [url.format(port=server.port) for server in (main, keygen, broker)]

    with suppress(redis.RedisError):
        async with redis.asyncio.Redis.from_url(Settings(**VALID_SETTINGS | {"redis_url": at[0]}).redis_url) as client:
            await client.ping()
    own = keygen_service.settings.Settings(redis_url=at[1], broker_url=at[2].partition("?")[0])
    with suppress(redis.RedisError), connect(own.redis_url) as pools:
        await asyncio.to_thread(pools.ping)
    assert Settings(**VALID_SETTINGS | {"broker_url": own.broker_url}).broker_url == own.broker_url
    with suppress(OperationalError), Connection(own.broker_url) as celery:
        await asyncio.to_thread(celery.ensure_connection, max_retries=1, timeout=1)

    for server in (main, keygen, broker):
        assert (await asyncio.to_thread(server.wait)).startswith(expected)
    # The clients leave sockets whose TLS failed to the collector, which would complain in some later test.
    gc.collect()


@pytest.mark.parametrize(
    ("url", "greeting", "expected"),
    [
        ("smtp://127.0.0.1:{port}", b"220 hello\r\n", b"ehlo paste.example.org\r\n"),
        ("smtp://ada:p%40ss@127.0.0.1:{port}?starttls=always", b"220 hello\r\n", b"ehlo paste.example.org\r\n"),
        ("smtp://127.0.0.1:{port}?starttls=never", b"220 hello\r\n", b"ehlo paste.example.org\r\n"),
        ("smtps://ada:p%40ss@127.0.0.1:{port}", b"", TLS_HELLO),
    ],
)
async def test_mail_server_is_spoken_to_as_its_address_says(url: str, greeting: bytes, expected: bytes) -> None:
    server = FirstWords(greeting)
    settings = Settings(**VALID_SETTINGS | {"smtp_url": url.format(port=server.port)})
    assert settings.smtp_url is not None
    transport = create_transport(settings.smtp_url, our_host=mail_host(settings.public_url))

    with pytest.raises(MailServerUnavailableError):
        await transport.open()

    assert (await asyncio.to_thread(server.wait)).startswith(expected)


@pytest.mark.parametrize(
    ("url", "expected", "sender"),
    [
        ("https://paste.example.org/", "https://paste.example.org", "noreply@paste.example.org"),
        ("HTTPS://Paste.Example.ORG:443", "https://paste.example.org", "noreply@paste.example.org"),
        ("http://b\u00fccher.example:8000", "http://xn--bcher-kva.example:8000", "noreply@xn--bcher-kva.example"),
        ("https://\u4f8b\u3048.jp", "https://xn--r8jz45g.jp", "noreply@xn--r8jz45g.jp"),
        ("http://192.0.2.1:8000", "http://192.0.2.1:8000", "noreply@192.0.2.1"),
        ("http://[2001:DB8::1]:8000", "http://[2001:db8::1]:8000", "noreply@[IPv6:2001:db8::1]"),
        ("http://localhost", "http://localhost", "noreply@localhost"),
    ],
)
def test_public_address_is_spelled_as_browsers_spell_it(url: str, expected: str, sender: str) -> None:
    settings = Settings(**VALID_SETTINGS | {"public_url": url})

    assert settings.public_url == expected
    assert EmailRenderer(settings)._sender == f"Slipbin <{sender}>"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "postgresql+asyncpg://u@h/n?sslmode=require"),
        ("database_url", "postgresql+asyncpg://u@h/n?ssl=true"),
        ("database_url", "postgresql+asyncpg://u@h/n?statement_cache_size=0"),
        ("database_url", "postgresql+asyncpg://u@h/n?ssl=require&ssl=disable"),
        ("database_url", "postgresql+asyncpg://u@h/n?no_such_option=1"),
        ("redis_url", "redis://h/0?no_such_option=1"),
        ("redis_url", "redis://h/0?maint_notifications_config=1"),
        ("redis_url", "rediss://h/0?ssl_cert_reqs=perhaps"),
        ("redis_url", "redis://h/0?socket_timeout=soon"),
        ("broker_url", "unix:///run/valkey.sock"),
        ("broker_url", "UNIX:///run/valkey.sock"),
        ("broker_url", "REDIS+socket:///run/valkey.sock"),
        ("broker_url", "amqq://h"),
        ("body_store_endpoint", "http:///"),
        ("body_store_endpoint", "http://h:port"),
        ("body_store_endpoint", "seaweedfs:8333"),
        ("public_url", "https://paste.example.org:99999"),
        ("public_url", "https://paste example.org"),
        ("public_url", "https://\u200b"),
        ("public_url", "https://xn--a"),
        ("public_url", "https:paste.example.org"),
    ],
)
def test_address_that_can_not_work_is_refused_with_what_it_should_be(name: str, value: str) -> None:
    for kind in (Settings, keygen_service.settings.Settings):
        if name in kind.model_fields:
            given = {field: text for field, text in VALID_SETTINGS.items() if field in kind.model_fields} | {
                name: value
            }
            with pytest.raises(ValidationError) as caught:
                kind(**given)
            [error] = caught.value.errors()
            assert error["loc"] == (name,)
            assert "must" in error["msg"] or "options that are not known" in error["msg"]
            assert value not in error["msg"]


def test_each_address_of_the_example_builds_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    example = {name: value for name, value in example_settings().items() if value}
    given = {name.removeprefix("MAIN_").lower(): value for name, value in example.items() if name.startswith("MAIN_")}

    settings = Settings(**given | {"secret": SECRET})

    assert create_engine(settings.database_url, pool_size=None).url.host == "postgres"
    assert redis.asyncio.Redis.from_url(settings.redis_url).connection_pool.connection_kwargs["host"] == "valkey"
    assert connect(example["KEYGEN_REDIS_URL"]).connection_pool.connection_kwargs["host"] == "valkey"
    for broker in (settings.broker_url, example["KEYGEN_BROKER_URL"]):
        assert Connection(broker).transport.driver_type == "redis"
    assert isinstance(object_store_of(settings).open(), S3Store)
    assert EmailRenderer(settings)._sender == "Slipbin <noreply@paste.example.org>"
