"""The log: lines of text for people, or of JSON for programs, on standard error, with the fields that main_service has.

Nothing of users comes here. What may be secret is the password of a URL, and what a message to the worker holds.
"""

import json
import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType

from keygen_service.settings import load_settings

SERVICE = "keygen_service"
_LEVELS = {
    "celery": logging.INFO,
    # Two lines for every round of the task, whose own line says what it did; and one for each that was missed.
    "celery.app.trace": logging.WARNING,
    "celery.beat": logging.WARNING,
    "celery.worker.request": logging.WARNING,
    "celery.worker.strategy": logging.WARNING,
}
"""Libraries that are logged below WARNING, and the parts of them that are not."""
_URL_USER = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^/\s]*@", re.IGNORECASE)
_QUOTED = re.compile(r"(?<!\w\w)'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
"""What Python quotes, bytes too (`b'…'`), but not from one apostrophe to another ("can't … can't")."""
_TASK_NAME = re.compile(r"['\"][a-z_]+(?:\.[a-z_]+)+['\"]")
_LONGEST_MESSAGE = 500
_FRAMES = 25


def start_logs(role: str) -> None:
    """Start the log of this process as the settings say, uncaught errors included. Call it once, at the start.

    `role`: what the process is, such as `beat`.
    """
    settings = load_settings()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(role, is_json=settings.log_format == "json"))
    lowest = logging.getLevelName(settings.log_level)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, lowest))
    logging.getLogger(SERVICE).setLevel(lowest)
    for name, level in _LEVELS.items():
        logging.getLogger(name).setLevel(max(level, lowest))
    logging.captureWarnings(True)
    _log_uncaught()


def write_line(logger: str, message: str) -> None:
    """Log at INFO from a signal handler, which may have interrupted code that holds the locks of the log."""
    record = logging.makeLogRecord({"name": logger, "levelno": logging.INFO, "levelname": "INFO", "msg": message})
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, _Lines):
            with suppress(OSError):
                os.write(sys.stderr.fileno(), f"{handler.format(record)}\n".encode(errors="replace"))


class _Lines(logging.Formatter):
    def __init__(self, role: str, *, is_json: bool) -> None:
        super().__init__()
        self._role = role
        self._is_json = is_json

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = _message(record)
        error = record.exc_info[1] if record.exc_info else None
        exception = None if error is None else _traceback(error)
        if not self._is_json:
            line = f"{time} {record.levelname} {record.name}: {message}"
            return f"{line}\n{exception}" if exception else line
        fields = {
            "time": time,
            "level": record.levelname,
            "logger": record.name,
            "message": message,
            "service": SERVICE,
            "role": self._role,
            "pid": record.process,
        }
        return json.dumps(fields | ({"exception": exception} if exception else {}), ensure_ascii=False)


def _message(record: logging.LogRecord) -> str:
    """The message; of a library's, its first line without what it quotes, which may be of a message to the worker."""
    arguments = record.args
    if isinstance(arguments, Mapping) and record.exc_info and record.exc_info[1] is not None:
        # Celery's line for a task that failed: it repeats the error, its traceback, and the task's arguments.
        arguments = {**arguments, "exc": _describe(record.exc_info[1]), "args": "", "kwargs": ""}
    elif isinstance(arguments, tuple):
        arguments = tuple(_describe(it) if isinstance(it, BaseException) else it for it in arguments)
    message = str(record.msg) % arguments if arguments else str(record.msg)
    return _hide_users(message if record.name.partition(".")[0] == SERVICE else first_line(message))


def _describe(error: BaseException) -> str:
    message = str(error) if isinstance(error, OSError) else first_line(str(error))
    return _hide_users(f"{type(error).__module__}.{type(error).__qualname__}: {message}".removeprefix("builtins."))


def first_line(text: str) -> str:
    """The first line of a library's message, without what it quotes but names of tasks: a quote may hold secrets."""
    return _QUOTED.sub(
        lambda it: it[0] if _TASK_NAME.fullmatch(it[0]) else "'…'", text.strip().partition("\n")[0][:_LONGEST_MESSAGE]
    )


def _hide_users(text: str) -> str:
    """The text, of whose URLs user and password are cut."""
    return _URL_USER.sub(r"\1…@", text)


def _traceback(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return "\n".join([*(f'  File "{it.filename}", line {it.lineno}, in {it.name}' for it in frames), _describe(error)])


def _log_uncaught() -> None:
    """Log uncaught errors, too."""
    logger = logging.getLogger(SERVICE)

    def in_main_thread(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, Exception):
            logger.critical("Nothing caught an error, so the process ends", exc_info=(kind, error, trace))
        else:
            sys.__excepthook__(kind, error, trace)

    def in_thread(happened: threading.ExceptHookArgs) -> None:
        if happened.exc_value is not None and not isinstance(happened.exc_value, SystemExit):
            logger.error("Nothing caught an error, so a thread ends", exc_info=happened.exc_value)

    sys.excepthook, threading.excepthook = in_main_thread, in_thread
