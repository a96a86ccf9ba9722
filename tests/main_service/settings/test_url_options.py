"""What else an address in the settings may say: all that what is built from it takes. Nothing is connected to."""

import subprocess
import sys
from inspect import signature

import asyncpg
import pytest
from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES

import keygen_service.settings
from keygen_service.pool import connect
from main_service.engines.postgres import create_engine
from main_service.fast_path.redis_connection import RedisConnection
from main_service.resources import open_resources
from main_service.settings import Settings
from main_service.settings.rules import BROKERS
from tests.support.engines import REPOSITORY, START_SECONDS, Environment, full
from tests.support.settings import VALID_SETTINGS


@pytest.mark.parametrize(
    ("options", "idle"),
    [
        ("command_timeout=60", "command_timeout"),
        ("timeout=5&server_settings=x", "server_settings, timeout"),
        ("ssl=require&direct_tls=1", None),
        ("ssl=verify_ca", None),
        ("ssl=verify_full", None),
        ("ssl=verify-full", None),
        ("dsn=postgresql://h", None),
        ("host=a:5432&host=b:5432", None),
        ("passfile=/nowhere&krbsrvname=x&gsslib=gssapi", None),
    ],
)
async def test_database_options_of_the_driver_are_taken(options: str, idle: str | None) -> None:
    """`idle`: which of them a warning says change nothing."""
    settings = Settings(**VALID_SETTINGS | {"database_url": f"postgresql+asyncpg://u:p4ss@h/n?{options}"})

    engine = create_engine(settings.database_url, pool_size=1)
    arguments = engine.dialect.create_connect_args(engine.url)[1]
    signature(asyncpg.connect).bind(**arguments)
    await engine.dispose()

    expected = f"MAIN_DATABASE_URL has options that change nothing for the service, which sets its own: {idle}."
    assert settings.warnings() == ([expected] if idle else [])


@pytest.mark.parametrize(
    "url",
    [
        "rediss://h/0?ssl_cert_reqs=none&ssl_check_hostname=false",
        "rediss://h/0?ssl_ca_certs=/nowhere&ssl_min_version=771",
        "redis://h?db=1&client_name=slipbin&socket_keepalive=yes&retry_on_timeout=no",
        "redis://h/0?socket_timeout=3&socket_connect_timeout=2&max_connections=50&protocol=3",
        "unix:///run/valkey.sock?db=2&health_check_interval=10",
    ],
)
async def test_redis_options_of_the_client_are_taken(url: str) -> None:
    settings = Settings(**VALID_SETTINGS | {"redis_url": url})
    own = keygen_service.settings.Settings(redis_url=url, broker_url=VALID_SETTINGS["broker_url"])

    async with open_resources(settings, for_task=True) as resources:
        assert resources.redis._redis.connection_pool.make_connection().db in (0, 1, 2)
    assert connect(own.redis_url).connection_pool.make_connection().db in (0, 1, 2)
    connection = RedisConnection(settings.redis_url, script="return 1")
    assert connection._pool.make_connection().db in (0, 1, 2)
    await connection.close()


async def test_main_service_takes_how_long_its_pool_waits() -> None:
    settings = Settings(**VALID_SETTINGS | {"redis_url": "redis://h/0?timeout=5"})

    async with open_resources(settings, for_task=True) as resources:
        assert resources.redis._redis.connection_pool.timeout == 5
    connection = RedisConnection(settings.redis_url, script="return 1")
    assert connection._pool.make_connection()
    await connection.close()


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("redis://h/1", "redis"),
        ("Redis://h/1", "redis"),
        ("REDISS://h/1?ssl_cert_reqs=CERT_REQUIRED", "redis"),
        ("redis+socket:///run/valkey.sock?virtual_host=1", "redis"),
        ("sentinel://a:26379;sentinel://b:26379", "redis"),
        ("sqla+postgresql://u:p4ss@h/n", "sql"),
        ("sqlalchemy+postgresql://u:p4ss@h/n", "sql"),
        ("filesystem://", "filesystem"),
        ("amqp://u:p4ss@h//", "amqp"),
        ("memory://", "memory"),
        ("rabbit", "amqp"),
        ("rabbit:5672", "amqp"),
    ],
)
def test_brokers_of_celery_are_taken(url: str, driver: str) -> None:
    settings = Settings(**VALID_SETTINGS | {"broker_url": url})
    own = keygen_service.settings.Settings(redis_url=VALID_SETTINGS["redis_url"], broker_url=url)

    for broker in (settings.broker_url, own.broker_url):
        assert Connection(broker).transport.driver_type == driver
    warning = "MAIN_BROKER_URL has no scheme like redis://, so it is taken for the host of an AMQP broker."
    assert settings.warnings() == ([] if "://" in url else [warning])


def test_warnings_about_an_address_are_logged_at_the_start(environment: Environment) -> None:
    """Both services log them, without secrets."""
    given = environment | {
        "MAIN_DATABASE_URL": "postgresql+asyncpg://u:p4ss@h/n?command_timeout=60",
        "MAIN_BROKER_URL": "rabbit",
        "KEYGEN_REDIS_URL": "redis://h/0",
        "KEYGEN_BROKER_URL": "rabbit",
    }
    load = "import {0}.settings; {0}.settings.load_settings_or_exit()"

    done = subprocess.run(
        [sys.executable, "-c", "; ".join(load.format(service) for service in ("main_service", "keygen_service"))],
        env=full(given),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=True,
    )

    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        "MAIN_DATABASE_URL",
        "MAIN_BROKER_URL",
        "KEYGEN_BROKER_URL",
    ]
    assert "p4ss" not in done.stderr


def test_brokers_are_those_that_celery_knows() -> None:
    assert set(TRANSPORT_ALIASES) == BROKERS
