"""The log: lines of text for people, or of JSON for programs, on standard error.

Our own lines hold no secrets; those of libraries may, and errors above all. `redaction` removes them from all lines.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from main_service.monitoring import log_context
from main_service.monitoring.redaction import Described, Redaction, describe, first_line, known_secrets
from main_service.monitoring.safe_traceback import traceback_lines
from main_service.monitoring.tracing import current_trace_id
from main_service.settings import load_settings
from main_service.settings.env_file import EnvFileError
from main_service.settings.log_settings import LogSettings

SERVICE = "main_service"
_OURS = (SERVICE, "root")

_LEVELS = {
    # At INFO they log connections, starts and migrations.
    "celery": logging.INFO,
    "alembic": logging.INFO,
    # Celery logs two lines for each round of a task, whose own line says what it did, and one for each missed round.
    "celery.app.trace": logging.WARNING,
    "celery.beat": logging.WARNING,
    "celery.worker.request": logging.WARNING,
    "celery.worker.strategy": logging.WARNING,
    "alembic.runtime.plugins": logging.WARNING,
    # SQLAlchemy calls it after our class.
    "main_service.engines.postgres.CountingPool": logging.WARNING,
}
"""Libraries that are logged below WARNING, and the parts of them that are not. DEBUG is for our own code: others show
headers, parameters and signatures there."""

_EXTRA_VALUES = (str, int, float, bool, type(None))


def start_logs(role: str) -> None:
    """Start the log of this process as the settings say, uncaught errors included. Call it once, at the start.

    `role`: what the process is, such as `web`. Settings that are invalid count as not set: the command says so itself.
    """
    settings = _log_settings()
    handler = SafeHandler(Redaction(_secrets()))
    formatter: logging.Formatter = JsonLines(role) if settings.log_format == "json" else TextLines()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
    logging.getLogger(SERVICE).setLevel(settings.log_level)
    for name, level in _LEVELS.items():
        logging.getLogger(name).setLevel(max(level, logging.getLevelName(settings.log_level)))
    logging.captureWarnings(True)
    _log_uncaught()


def write_line(logger: str, message: str) -> None:
    """Log at INFO from a signal handler, which may have interrupted code that holds the locks of the log."""
    record = logging.makeLogRecord({"name": logger, "levelno": logging.INFO, "levelname": "INFO", "msg": message})
    for handler in logging.getLogger().handlers:
        if isinstance(handler, SafeHandler):
            with suppress(OSError):
                os.write(sys.stderr.fileno(), f"{handler.format(record)}\n".encode(errors="replace"))


class SafeHandler(logging.StreamHandler[Any]):
    """Writes lines to standard error in which there is no secret."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__(sys.stderr)
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        return super().format(self._safe(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Log that a line is missing. The library would print its arguments."""
        try:
            self.stream.write(f"A line of {record.name} from line {record.lineno} of it could not be written\n")
            self.flush()
        except (OSError, ValueError):
            # Standard error is closed.
            pass

    def _safe(self, record: logging.LogRecord) -> logging.LogRecord:
        """The record as it may be shown: with the message as text, and with what is to be said of its error."""
        is_ours = record.name.partition(".")[0] in _OURS
        safe = logging.makeLogRecord(
            {name: value for name, value in vars(record).items() if name in _STANDARD}
            | {"msg": self._message(record, is_ours=is_ours), "args": None, "exc_info": None, "stack_info": None}
        )
        if is_ours:
            extras = {name: value for name, value in vars(record).items() if name not in _STANDARD}
            vars(safe).update({name: self._extra(value) for name, value in extras.items()})
        error = record.exc_info[1] if record.exc_info else None
        safe.exc_text = "\n".join(traceback_lines(error, self._redaction)) if error is not None else None
        return safe

    def _message(self, record: logging.LogRecord, *, is_ours: bool) -> str:
        arguments = record.args
        if isinstance(arguments, Mapping) and "exc" in arguments and record.exc_info:
            # Celery's line for a task that failed: it repeats the error, its traceback, and the task's arguments.
            error = record.exc_info[1]
            arguments = {**arguments, "exc": "" if error is None else describe(error), "args": "", "kwargs": ""}
        elif isinstance(arguments, tuple):
            arguments = tuple(Described(it) if isinstance(it, BaseException) else it for it in arguments)
        message = str(record.msg)
        if arguments:
            message = message % arguments
        return self._redaction.redact(message if is_ours else first_line(message))

    def _extra(self, value: object) -> object:
        if isinstance(value, str):
            return self._redaction.redact(value)
        return value if isinstance(value, _EXTRA_VALUES) else self._redaction.redact(str(value))


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class TextLines(logging.Formatter):
    """A line for people; a traceback follows it in lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        context = "".join(f" [{name} {value}]" for name, value in context_fields().items() if value is not None)
        line = f"{time_of(record)} {record.levelname} {record.name}: {record.getMessage()}{context}"
        return f"{line}\n{record.exc_text}" if record.exc_text else line


class JsonLines(logging.Formatter):
    """A line of JSON for each event, in the order and with the names that docs/operating.md gives."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": time_of(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "service": SERVICE,
            "role": self._role,
            "pid": record.process,
            **{name: value for name, value in context_fields().items() if value is not None},
            **{name: value for name, value in vars(record).items() if name not in _STANDARD},
        }
        if record.exc_text:
            fields["exception"] = record.exc_text
        return json.dumps(fields, ensure_ascii=False)


def time_of(record: logging.LogRecord) -> str:
    """When the line was written: RFC 3339, UTC, milliseconds."""
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def context_fields() -> dict[str, str | None]:
    """What the line belongs to."""
    return {"request_id": log_context.request_id(), "trace_id": current_trace_id(), "task": log_context.task()}


def _log_settings() -> LogSettings:
    try:
        return load_settings()
    except (EnvFileError, ValidationError):
        pass
    try:
        return LogSettings()
    except ValidationError:
        return LogSettings.model_construct()


def _secrets() -> list[str]:
    try:
        return known_secrets(load_settings())
    except (EnvFileError, ValidationError):
        return []


def _log_uncaught() -> None:
    """Log uncaught errors, too."""
    logger = logging.getLogger(SERVICE)

    def in_main_thread(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, Exception):
            logger.critical("Nothing caught an error, so the process ends", exc_info=(kind, error, trace))
        else:
            sys.__excepthook__(kind, error, trace)

    def in_thread(happened: threading.ExceptHookArgs) -> None:
        error = happened.exc_value
        if error is not None and not isinstance(error, SystemExit):
            logger.error("Nothing caught an error, so a thread ends", exc_info=error)

    def in_nothing(happened: "sys.UnraisableHookArgs") -> None:
        if happened.exc_value is not None:
            logger.error("An error could not be raised", exc_info=happened.exc_value)

    sys.excepthook, threading.excepthook, sys.unraisablehook = in_main_thread, in_thread, in_nothing
