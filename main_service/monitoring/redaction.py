"""Keeps secrets out of the log: redacts texts, and describes errors without the values they quote."""

import os
import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from main_service.errors import AppError
from main_service.settings import Settings

LONGEST_MESSAGE = 500
"""Characters of a message that is not ours."""

_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD")
_SHORTEST_SECRET = 6
"""Shorter values are not looked for: they would be found in ordinary words."""

_ABOUT_CODE = (AppError, ArithmeticError, AttributeError, ImportError, NameError, OSError, TypeError)
"""Errors whose text is ours, or names code, files and addresses. That of any other may repeat what a user sent."""
_ABOUT_VALUES = ("22", "P0")
"""The SQLSTATE classes of errors whose message may repeat a value: data exceptions, and what functions raise."""

_QUOTED = re.compile(r"(?<!\w\w)'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
"""What Python quotes, bytes too (`b'…'`), but not from one apostrophe to another ("can't … can't")."""
_DOTTED_NAME = re.compile(r"['\"][a-z_]+(?:\.[a-z_]+)+['\"]")
_HIDDEN = "…"

_RULES: list[tuple[re.Pattern[str], str]] = [
    # The user and password of a URL.
    (re.compile(r"\b([a-z][a-z0-9+.-]*://)[^/\s]*@", re.IGNORECASE), rf"\1{_HIDDEN}@"),
    # The query of a URL, and what follows it.
    (re.compile(r"\b(https?://[^\s?#\"'<>]*)[?#][^\s\"'<>]*", re.IGNORECASE), rf"\1?{_HIDDEN}"),
    # An email address.
    (re.compile(r"[^\s@\"'<>()\[\]{},:;=…]+@[^\s@\"'<>()\[\]{},:;=]+\.[^\s@\"'<>()\[\]{},:;=.]{2,}"), "[email]"),
    (re.compile(r"\b(bearer|basic|digest)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {_HIDDEN}"),
    # A value that is called a secret.
    (
        re.compile(
            r"\b((?:x-manage-|manage_|access_|csrf_?)?token|authorization|(?:set-)?cookie|idempotency-key|passw(?:or)?d"
            r"|secret(?:_access_key)?|signature|credential|access_key_id)\b([\"']?\s*[=:]\s*)[^\s,;&]+",
            re.IGNORECASE,
        ),
        rf"\1\2{_HIDDEN}",
    ),
    # A token: long, with letters and digits. Ids of ours are UUIDs, which stay.
    (
        re.compile(
            r"(?<![\w-])(?!\w{8}-\w{4}-\w{4}-\w{4}-\w{12}(?![\w-]))"
            r"(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9_-]{28,}(?:\.[\w-]+)*"
        ),
        _HIDDEN,
    ),
]
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d|/\d)|(?=[\da-f]*:[\da-f]*:)[\da-f:]{3,39}(?![\w:]|/\d))",
    re.IGNORECASE,
)
_INNER_NETWORKS = [
    ip_network(it) for it in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
]


class Redaction:
    """Cuts from texts what must not be in a log. `secrets`: values that are cut wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({it for it in secrets if len(it) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def redact(self, text: str) -> str:
        """The text without secrets, tokens, email addresses, queries of URLs and whole addresses of clients.

        Addresses of private networks stay, because the engines are there. It recognises secrets by their form, so it is
        only the second line of defence: our own log lines hold none.
        """
        if self._known is not None:
            text = self._known.sub(_HIDDEN, text)
        for pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
        return _ADDRESS.sub(lambda it: _network_of(it[0]), text)


def _network_of(text: str) -> str:
    """The /24 (IPv6: /48) of an address in a text; inner addresses, and what is none, as they are."""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if address.is_loopback or address.is_link_local or address.is_unspecified:
        return text
    if any(address in network for network in _INNER_NETWORKS):
        return text
    return str(ip_network((address.packed, 24 if address.version == 4 else 48), strict=False))


class Described:
    """An error among the arguments of a line: `%s` and `%r` give what may be said of it."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __str__(self) -> str:
        return _message(self._error) or _type_name(self._error)

    def __repr__(self) -> str:
        return describe(self._error)


def describe(error: BaseException) -> str:
    """The type of an error, and of its message what holds no value that a user sent; one line."""
    message = _message(error)
    return f"{_type_name(error)}: {message}" if message else _type_name(error)


def known_secrets(settings: Settings) -> list[str]:
    """The secrets of the settings and of the environment, as they would stand in a text."""
    found = [os.environ.get(name, "") for name in _SECRET_VARIABLES]
    found += [it.get_secret_value() for it in (settings.secret, settings.metrics_token) if it is not None]
    found += header_values(os.environ)
    for url in (settings.database_url, settings.redis_url, settings.broker_url, settings.smtp_url or ""):
        found += _passwords(url)
    return found


def header_values(environ: Mapping[str, str]) -> list[str]:
    """What a collector of traces asks for, as `name=value,name=value`: each value as it stands there and decoded."""
    ours = re.compile(r"OTEL_EXPORTER_OTLP_(\w+_)?HEADERS")
    given = [text for name, text in environ.items() if ours.fullmatch(name)]
    values = [pair.partition("=")[2].strip() for text in given for pair in text.split(",")]
    # From `Bearer TOKEN` also the token alone.
    parts = [part for value in values for part in (value, *unquote(value).split())]
    return [*parts, *map(unquote, values)]


def _passwords(url: str) -> list[str]:
    """The password of a URL, as it stands there and decoded."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return []
    return [password, unquote(password)] if password else []


def first_line(text: str) -> str:
    """What may be said of a message of a library: its first line, without what it quotes but dotted names."""
    return hide_quoted(text.strip().partition("\n")[0][:LONGEST_MESSAGE])


def hide_quoted(text: str) -> str:
    return _QUOTED.sub(lambda it: it[0] if _DOTTED_NAME.fullmatch(it[0]) else f"'{_HIDDEN}'", text)


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str):
        # The other lines are its detail, which repeats rows.
        message = str(error.args[0]).partition("\n")[0] if error.args else ""
        is_about_value = sqlstate.startswith(_ABOUT_VALUES)
        return sqlstate if is_about_value or not message else f"{sqlstate} {message[:LONGEST_MESSAGE]}"
    original = getattr(error, "orig", None)
    if isinstance(original, BaseException):
        statement = " ".join(str(getattr(error, "statement", None) or "").split())
        return f"{describe(original)} [SQL: {statement[:LONGEST_MESSAGE]}]" if statement else describe(original)
    try:
        text = str(error)
    except Exception:
        # A broken `__str__` must not lose the line.
        return ""
    if isinstance(error, _ABOUT_CODE):
        return text.strip().partition("\n")[0][:LONGEST_MESSAGE]
    return first_line(text)
