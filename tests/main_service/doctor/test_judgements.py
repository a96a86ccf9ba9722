"""What the doctor makes of what engines tell of themselves, and of errors, in cases that are hard to bring about."""

import errno
import smtplib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from redis.exceptions import BusyLoadingError, NoPermissionError

from main_service.doctor import database, mail, redis_server, text_store
from main_service.doctor.addresses import why_unreachable
from main_service.doctor.findings import Level, Report
from main_service.errors import NoCredentialsError
from main_service.mail.transport import read_smtp_url
from main_service.settings import Settings

ABOUT_POSTGRESQL: dict[str, Any] = {
    "version": 180_001,
    "encoding": "UTF8",
    "is_standby": False,
    "is_read_only": False,
    "may_create_tables": True,
    "may_create_extensions": True,
    "extensions": ["pg_trgm", "btree_gin"],
    "available": ["pg_trgm", "btree_gin"],
    "most": 97,
    "used": 10,
    "verbosity": "terse",
    "role": "slipbin",
    "name": "texts",
}
ABOUT_REDIS: dict[str, Any] = {
    "redis_version": "7.2.4",
    "role": "master",
    "maxmemory_policy": "noeviction",
    "maxmemory": 1000,
    "used_memory": 790,
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "rdb_last_bgsave_status": "ok",
}


def told_by(judge: Callable[[Report], None]) -> list[tuple[Level, str]]:
    """What is wrong, with its advice."""
    report = Report("part")
    judge(report)
    wrong = [it for it in report.findings if it.level is not Level.OK]
    assert all(it.advice for it in wrong)
    return [(it.level, f"{it.sentence} -> {it.advice}") for it in wrong]


@pytest.mark.parametrize(
    ("seconds", "level", "told"),
    [
        (0.0004, Level.OK, "within 1 ms"),
        (0.29, Level.OK, "within 290 ms"),
        (0.31, Level.WARNING, "took 0.3 s to have"),
        (database.COMMIT_SECONDS, Level.WARNING, "took 3.0 s or more to have"),
    ],
)
def test_disk_on_which_commits_wait(seconds: float, level: Level, told: str) -> None:
    report = Report("database")

    database.judge_commit(seconds, report)

    [finding] = report.findings
    assert (finding.level, told in finding.sentence) == (level, True)


@pytest.mark.parametrize(
    ("about", "unusable", "level", "told"),
    [
        ({}, 0, None, ""),
        ({"version": 149_999}, 0, Level.WARNING, "PostgreSQL 14 is older"),
        ({"version": 150_000}, 0, None, ""),
        ({"encoding": "LATIN1"}, 0, Level.PROBLEM, "has the encoding LATIN1"),
        ({"is_standby": True}, 0, Level.PROBLEM, "a standby"),
        ({"is_read_only": True}, 0, Level.PROBLEM, "read-only"),
        ({"may_create_tables": False}, 0, Level.PROBLEM, "ALTER DATABASE texts OWNER TO slipbin"),
        ({}, 1, Level.PROBLEM, "lacks rights"),
        ({"extensions": [], "available": ["pg_trgm"]}, 0, Level.PROBLEM, "does not offer the extension btree_gin."),
        ({"extensions": ["pg_trgm"], "may_create_extensions": False}, 0, Level.PROBLEM, "GRANT CREATE ON DATABASE"),
        ({"extensions": ["pg_trgm"]}, 0, None, ""),
        ({"most": 17}, 0, Level.PROBLEM, "one web process and the tasks need up to 18"),
        ({"most": 100, "used": 90}, 0, Level.WARNING, "90 of 100 connections of PostgreSQL are in use"),
        ({"most": 100, "used": 89}, 0, None, ""),
        ({"verbosity": "default"}, 0, Level.WARNING, "log_error_verbosity = terse"),
    ],
)
def test_postgresql(about: dict[str, Any], unusable: int, level: Level | None, told: str) -> None:
    found = told_by(
        lambda report: database.judge_server(ABOUT_POSTGRESQL | about, unusable=unusable, pool_size=10, report=report)
    )

    assert [it for it, _ in found] == ([] if level is None else [level])
    assert all(told in said for _, said in found)


@pytest.mark.parametrize(
    ("about", "level", "told"),
    [
        ({}, None, ""),
        ({"redis_version": "6.2.14"}, Level.PROBLEM, "Redis 6.2.14 is too old"),
        ({"redis_version": "7.0.0"}, None, ""),
        ({"redis_version": "7.2.4", "valkey_version": "8.1"}, None, ""),
        ({"cluster_enabled": 1}, Level.PROBLEM, "part of a cluster"),
        ({"role": "slave"}, Level.PROBLEM, "a replica"),
        ({"maxmemory_policy": "volatile-lru"}, Level.PROBLEM, "Set maxmemory-policy noeviction"),
        ({"used_memory": 800}, Level.WARNING, "uses 80% of maxmemory"),
        ({"used_memory": 950}, Level.PROBLEM, "uses 95% of maxmemory"),
        ({"maxmemory": 0, "total_system_memory": 800}, Level.PROBLEM, "of the machine's memory"),
        ({"aof_last_write_status": "err"}, Level.PROBLEM, "to disk failed"),
        ({"rdb_last_bgsave_status": "err"}, Level.PROBLEM, "to disk failed"),
        ({"aof_enabled": 0}, Level.WARNING, "Set appendonly yes"),
    ],
)
def test_redis(about: dict[str, Any], level: Level | None, told: str) -> None:
    info = ABOUT_REDIS | about

    def judge(report: Report) -> None:
        redis_server.judge_server(info, report)
        redis_server.judge_memory(info, report)
        redis_server.judge_persistence(info, report)

    found = told_by(judge)
    assert [it for it, _ in found] == ([] if level is None else [level])
    assert all(told in said for _, said in found)


SETTINGS = Settings(
    secret=SecretStr("Kq3vX9tLw2Zr8bNf5Ym7Hc4Pd6Js1Ga0"),
    public_url="https://paste.example.org",
    database_url="postgresql+asyncpg://slipbin@host/slipbin",
    redis_url="redis://host/0",
    broker_url="redis://host/1",
    body_store_url="s3://texts",
    body_store_endpoint="http://store:8333",
)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (asyncpg.TooManyConnectionsError(), "has no connection left"),
        (asyncpg.CannotConnectNowError(), "is starting or stopping"),
        (asyncpg.DiskFullError(), "is full"),
        (asyncpg.SyntaxOrAccessError(), "refuses with SyntaxOrAccessError (42000)"),
        (RuntimeError(), "can't be asked (RuntimeError)"),
    ],
)
def test_errors_of_postgresql(error: Exception, told: str) -> None:
    assert told in database.why_not(error, SETTINGS, "host:5432")[0]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BusyLoadingError(), "is loading its data"),
        (NoPermissionError(), "lets the user do nothing"),
        (RuntimeError(), "can't be asked (RuntimeError)"),
    ],
)
def test_errors_of_redis(error: Exception, told: str) -> None:
    assert told in redis_server.why_not(error, "host:6379")[0]


@pytest.mark.parametrize(
    ("error", "told", "advice"),
    [
        (NoCredentialsError("none"), "No S3 credentials", "AWS_SHARED_CREDENTIALS_FILE"),
        (OSError("<Code>InvalidAccessKeyId</Code>"), "does not know the access key", "AWS_ACCESS_KEY_ID"),
        (FileNotFoundError("<Code>XAdminUserNotFound</Code>"), "does not know the access key", "AWS_ACCESS_KEY_ID"),
        (FileNotFoundError("404: something"), "refuses or can't be reached", "Its own log says more"),
        (OSError("<Code>SignatureDoesNotMatch</Code>"), "refuses our signature", "AWS_SECRET_ACCESS_KEY"),
        (OSError("<Code>RequestTimeTooSkewed</Code>"), "clock of this machine", "NTP"),
        (OSError("<Code>AccessDenied</Code>"), "denies reading", "s3:PutObject"),
        (OSError("status 403 Forbidden"), "denies reading", "s3:PutObject"),
        (OSError("<Code>AuthorizationHeaderMalformed</Code>"), "another region", "MAIN_BODY_STORE_REGION"),
        (OSError("<Code>PermanentRedirect</Code>"), "in another region", "MAIN_BODY_STORE_REGION"),
        (OSError("<Code>NoSuchBucket</Code>"), "does not exist", "migrate"),
        (OSError("tcp connect error: Connection refused"), "Nothing listens at store:8333", "Start"),
        (OSError("dns error: failed to lookup address"), "can't be resolved", "MAIN_BODY_STORE_ENDPOINT"),
        (OSError("invalid peer certificate: Expired"), "certificate of store:8333", "SSL_CERT_FILE"),
        (OSError("operation timed out"), "does not answer in time", "MAIN_BODY_STORE_ENDPOINT"),
        (OSError("something else"), "refuses or can't be reached", "Its own log says more"),
    ],
)
def test_errors_of_s3(error: Exception, told: str, advice: str) -> None:
    sentence, cure = text_store.why_not(error, SETTINGS, "s3://texts")

    assert (told in sentence, advice in cure) == (True, True), (sentence, cure)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("No space left on device"), "its disk is full, of bytes or of files"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "Disk quota exceeded"),
        (RuntimeError(), "could not be kept in /texts (RuntimeError)"),
    ],
)
def test_errors_of_a_folder_of_texts(error: Exception, told: str) -> None:
    settings = SETTINGS.model_copy(update={"body_store_url": "file:///texts", "body_store_endpoint": None})

    assert told in text_store.why_not(error, settings, "/texts")[0]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (smtplib.SMTPNotSupportedError("SMTP AUTH extension not supported by server."), "does not offer signing in"),
        (smtplib.SMTPServerDisconnected(), "closes the connection before it greets"),
        (smtplib.SMTPConnectError(421, "no"), "refuses with 421 (SMTPConnectError)"),
        (ConnectionRefusedError(), "Nothing listens at mail:587"),
        (RuntimeError(), "refuses (RuntimeError)"),
    ],
)
def test_errors_of_the_mail_server(error: Exception, told: str) -> None:
    server = read_smtp_url("smtp://mail.example.org:587?starttls=always")

    assert told in mail.why_not(error, server, "mail:587")[0]


def test_folder_of_emails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # In a container it might be another's.
    monkeypatch.setenv("SLIPBIN_LAUNCHER", "1")

    [(level, told)] = told_by(lambda report: mail.judge_folder(tmp_path / "no" / "outbox", report))
    assert (level, "is missing and can't be made. -> Create it." in told) == (Level.PROBLEM, True)
    assert told_by(lambda report: mail.judge_folder(tmp_path / "outbox", report)) == []


def untrusted(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    error.verify_message = "path length exceeded"
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (socket.gaierror(-2, "Name or service not known"), "The name in host:1 can't be resolved"),
        (ssl.SSLError(1, "wrong version number"), "does not speak TLS"),
        (untrusted(10), "has expired"),
        (untrusted(18), "not trusted here, or by itself"),
        (untrusted(20), "not trusted here, or by itself"),
        (untrusted(62), "is for another name"),
        (untrusted(25), "is not accepted: path length exceeded"),
        (ConnectionRefusedError(), "Nothing listens at host:1"),
        (OSError(errno.ECONNREFUSED, "x"), "Nothing listens at host:1"),
        (FileNotFoundError(), "There is no socket host:1"),
        (PermissionError(), "may not connect to host:1"),
        (OSError(errno.EHOSTUNREACH, "x"), "no way to host:1 through the network"),
        (TimeoutError(), "does not answer in time"),
        (ConnectionResetError(), "closes the connection"),
        (EOFError(), "closes the connection"),
    ],
)
def test_errors_of_the_network(error: Exception, told: str) -> None:
    wrapped = RuntimeError("of a library")
    wrapped.__cause__ = error
    found = why_unreachable(wrapped, address="host:1", setting="MAIN_REDIS_URL")

    assert found is not None
    assert told in found[0]


def test_error_of_another_kind_is_not_taken_for_one_of_the_network() -> None:
    assert why_unreachable(ValueError(), address="host:1", setting="MAIN_REDIS_URL") is None
