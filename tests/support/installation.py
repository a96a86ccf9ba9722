"""An installation of four processes that share a folder for metrics: two web processes, a worker of each service."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import redis
from celery import Celery
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.database import execute
from tests.support.engines import Environment, temporary_folder
from tests.support.entries import create_link, create_paste
from tests.support.gates import Gated, gated_engines
from tests.support.metrics import METRICS_TOKEN, read_metrics
from tests.support.ports import reserved_port
from tests.support.web import Client, WebServer
from tests.support.workers import keygen_worker, main_worker

REDIS_DATABASE, BROKER_DATABASE = 5, 6
POOL_SIZE = 300


class TlsServer:
    """Shows a certificate that it signed itself; another one with each call of `renew`."""

    def __init__(self, folder: Path, port: int) -> None:
        self._file = folder / "certificate.pem"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ends_at = datetime.now(UTC)
        self.renew(timedelta(days=20))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        serving = asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port, ssl=self._context)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()

    def renew(self, lifetime: timedelta) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "slipbin.test")])
        self.ends_at = (datetime.now(UTC) + lifetime).replace(microsecond=0)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=1))
            .not_valid_after(self.ends_at)
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self._file.write_bytes(private + certificate.public_bytes(pem))
        self._context.load_cert_chain(self._file)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass
class Installation:
    environment: Environment
    engines: Environment
    """Past the gates."""
    gated: Gated
    web: WebServer
    texts: Path
    tls: TlsServer
    valkey: redis.Redis
    broker: redis.Redis
    link: dict[str, Any]
    paste: dict[str, Any]
    kept: list[httpx.Client] = field(default_factory=list)

    @property
    def client(self) -> Client:
        return self.web.client

    def read(self) -> dict[str, float]:
        return read_metrics(self.client)

    def sql(self, *statements: str) -> None:
        execute(self.engines, *statements)

    def send(self, task: str, queue: str) -> None:
        address = self.engines["MAIN_BROKER_URL"]
        with Celery(broker=address) as app, app.connection_for_write() as connection:
            app.send_task(task, queue=queue, connection=connection, ignore_result=True)


@contextmanager
def running_installation(environment: Environment) -> Iterator[Installation]:
    """Start it on databases of Valkey of its own, which are empty before and after."""
    own = {
        name: value.replace("db=0", f"db={REDIS_DATABASE}").replace("virtual_host=1", f"virtual_host={BROKER_DATABASE}")
        for name, value in environment.items()
        if name.endswith(("_REDIS_URL", "_BROKER_URL"))
    }
    engines = environment | own
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        metrics = stack.enter_context(temporary_folder())
        gated = stack.enter_context(gated_engines(engines))
        port = stack.enter_context(reserved_port())
        tls = TlsServer(folder, port)
        stack.callback(tls.close)
        texts = folder / "texts"
        common = {
            "MAIN_DETECT_LANGUAGES": "true",
            "MAIN_METRICS_TOKEN": METRICS_TOKEN,
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "MAIN_VISIT_BUFFER": "3",
            "MAIN_DATABASE_POOL_SIZE": "2",
            "MAIN_BODY_STORE_URL": f"file://{texts}",
            "MAIN_SMTP_URL": f"file://{folder}/outbox",
            "MAIN_TLS_ADDRESS": f"127.0.0.1:{port}",
            "KEYGEN_POOL_SIZE": str(POOL_SIZE),
        }
        valkey = redis.Redis.from_url(engines["MAIN_REDIS_URL"])
        broker = redis.Redis.from_url(
            engines["MAIN_REDIS_URL"].replace(f"db={REDIS_DATABASE}", f"db={BROKER_DATABASE}")
        )
        for each in (valkey, broker):
            each.flushdb()
            stack.callback(each.flushdb)
        settings = gated.environment | common
        web = stack.enter_context(WebServer(settings, processes=2))
        worker = stack.enter_context(main_worker(engines | common, folder / "worker.log"))
        keygen = stack.enter_context(keygen_worker(engines | common, folder / "keygen.log"))
        for process in (worker, keygen):
            process.wait_for("ready.")
        yield Installation(
            settings,
            engines | common,
            gated,
            web,
            texts,
            tls,
            valkey,
            broker,
            create_link(web.client),
            create_paste(web.client),
        )
