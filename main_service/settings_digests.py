"""Digests of the settings that a process was started with, so that other processes can find out which differ.

A digest tells nothing about the value: it is a signature with a key derived from MAIN_SECRET.
"""

import hmac
import os
from collections.abc import Mapping

from pydantic import SecretStr

from main_service.engines.signing import Signer
from main_service.settings import Settings

_SECRET = "MAIN_SECRET"  # noqa: S105 - the name of a setting
_LEFT_OUT = {"secret", "secret_file", "metrics_port", "metrics_host"}
"""`secret` has its own digest; the others legitimately differ between processes of one installation."""
_OTHERS = ("AWS_", "OTEL_", "SSL_CERT_")
_OTHERS_LEFT_OUT = {"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"}
_DIGEST_BYTES = 6
_OF_ENGINES = ("MAIN_DATABASE_URL", "MAIN_REDIS_URL", "MAIN_BROKER_URL", "MAIN_BODY_STORE", "MAIN_SMTP_URL")
_MAKES_OR_BREAKS = (*_OF_ENGINES, _SECRET, "AWS_", "SSL_CERT_")

Digests = Mapping[str, str]
"""Digests by name, such as MAIN_REDIS_URL, of the settings that are not at their defaults."""


def digest_settings(settings: Settings) -> dict[str, str]:
    """The digests of these settings and of the environment that libraries read settings from."""
    signer = Signer(settings.secret, "settings digest")
    values = {
        f"MAIN_{name.upper()}": _text(getattr(settings, name))
        for name, field in type(settings).model_fields.items()
        if name not in _LEFT_OUT and getattr(settings, name) != field.get_default(call_default_factory=True)
    }
    values |= {
        name: value
        for name, value in os.environ.items()
        if value and name.startswith(_OTHERS) and name not in _OTHERS_LEFT_OUT
    }
    digests = {name: _digest(signer, f"{name}={value}") for name, value in sorted(values.items())}
    return {_SECRET: _digest(signer, _SECRET), **digests}


def differing(ours: Digests, theirs: Digests) -> list[str]:
    """The names of the settings that differ. If MAIN_SECRET differs, only that: the others can't be compared."""
    if not hmac.compare_digest(ours.get(_SECRET, ""), theirs.get(_SECRET, "")):
        return [_SECRET]
    return sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))


def decides_what_works(name: str) -> bool:
    """Whether a process with another value of this setting may fail where others work."""
    return name.startswith(_MAKES_OR_BREAKS)


def _digest(signer: Signer, text: str) -> str:
    return signer.sign(text.encode(errors="surrogateescape"))[:_DIGEST_BYTES].hex()


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
