"""Reads the settings although some may be invalid, so that what is valid can be checked all the same."""

import os
import secrets
import zlib
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pydantic import SecretStr, ValidationError

from main_service.doctor.findings import Report
from main_service.settings import Settings, load_settings
from main_service.settings.env_file import EnvFileError

_PREFIX = "MAIN_"
_STAND_INS: dict[str, Any] = {
    "public_url": "http://unknown.invalid",
    "database_url": "postgresql+asyncpg://unknown.invalid/unknown",
    "redis_url": "redis://unknown.invalid",
    "broker_url": "redis://unknown.invalid",
    "body_store_url": "file:///nonexistent",
}
"""Values in place of required settings that are invalid; nothing is ever asked at them."""
_GENERAL = (
    *("secret", "max_text_bytes", "limit_bytes"),
    *("guest_lifetime", "guest_max_lifetime", "user_lifetime", "user_max_lifetime"),
)
"""The settings that take part in rules about several settings."""
_KNOWN_WORDS = ("changeme", "password", "secret", "example", "slipbin", "qwert", "12345678", "abcdefgh")


@dataclass
class Configuration:
    settings: Settings | None
    """The settings, with stand-ins for invalid ones; None: nothing can be read at all."""
    invalid: set[str] = field(default_factory=set)
    """The names of the settings that are invalid, such as `redis_url`."""

    def is_unusable(self, name: str) -> str | None:
        """Why a check that needs this setting is left out; None: it is valid."""
        if self.settings is None:
            return "the settings can't be read"
        return f"{_PREFIX}{name.upper()} is invalid" if name in self.invalid else None


def read_configuration(report: Report) -> Configuration:
    """The settings, and what is wrong with them, all at once."""
    try:
        settings = load_settings()
    except EnvFileError as error:
        report.problem(str(error), "Fix its permissions or its content: it must be readable by this user, in UTF-8.")
        return Configuration(None)
    except ValidationError as error:
        return _read_around(error, report)
    report.ok("All settings are valid.")
    _report_warnings(settings, report)
    return Configuration(settings)


def check_secret(settings: Settings, report: Report) -> None:
    """Whether MAIN_SECRET can be guessed. Its length and variety are checked where it is read."""
    secret = settings.secret.get_secret_value()
    is_repetitive = len(zlib.compress(secret.encode(), 9)) < 24
    if is_repetitive or any(word in secret.lower() for word in _KNOWN_WORDS):
        report.warn(
            "MAIN_SECRET looks as if a person had typed it: it repeats itself or contains a common word.",
            "Make a random one with: openssl rand -hex 32. Changing it invalidates all manage links and sessions.",
        )
    else:
        report.ok("MAIN_SECRET looks random.")


def _read_around(error: ValidationError, report: Report) -> Configuration:
    """Put stand-ins in place of what is invalid. Rules about several settings are only looked at after that."""
    invalid: set[str] = set()
    while True:
        found = _tell_invalid(error, report)
        if not found - invalid:
            return Configuration(None, invalid)
        invalid |= found
        try:
            settings = Settings(**{name: _stand_in(name) for name in invalid if name in Settings.model_fields})
        except ValidationError as next_error:
            error = next_error
        else:
            _report_warnings(settings, report)
            return Configuration(settings, invalid)


def _tell_invalid(error: ValidationError, report: Report) -> set[str]:
    """Report what is invalid; return the names, such as `redis_url`."""
    invalid: set[str] = set()
    for each in error.errors():
        name = str(each["loc"][0]).lower() if each["loc"] else ""
        invalid |= {name} if name else set(_GENERAL)
        if each["type"] == "missing":
            report.problem(f"{_PREFIX}{name.upper()} is not set.", "Set it in the environment or in the file .env.")
        else:
            what = f"{_PREFIX}{name.upper()} is invalid: " if name else ""
            message = each["msg"].removeprefix("Value error, ")
            report.problem(f"{what}{message}.", "Correct it; .env.example describes each setting.")
    return invalid


def _stand_in(name: str) -> Any:
    if name == "secret":
        return SecretStr(secrets.token_hex(32))
    if name in _STAND_INS:
        return _STAND_INS[name]
    return Settings.model_fields[name].get_default(call_default_factory=True)


def _report_warnings(settings: Settings, report: Report) -> None:
    for warning in settings.warnings():
        report.warn(warning, "Correct it if that is not what you mean.")
    if ignored := os.environ.get("SLIPBIN_IGNORED"):
        report.warn(
            f"{ignored.replace(',', ', ')}: set, and not heeded by `make run`, which has its own PostgreSQL, Valkey, "
            "folder of texts and secret.",
            "Take them out of .env and the environment; or start the services one by one (docs/operating.md).",
        )
    known = [f"{_PREFIX}{name.upper()}" for name in Settings.model_fields]
    for name in sorted(os.environ):
        if name.startswith(_PREFIX) and name not in known:
            similar = get_close_matches(name, known, n=1)
            report.warn(
                f"{name} is set, and there is no such setting, so it changes nothing.",
                f"Did you mean {similar[0]}?" if similar else "Remove it; .env.example lists all settings.",
            )
