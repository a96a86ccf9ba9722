"""Turns records into entries to create: what is kept, what is changed, and what is refused."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from main_service.entries.aliases import is_key, is_long_key, is_reserved
from main_service.entries.entry import FIELDS, LiveEntry
from main_service.entries.lifetimes import LifetimePolicy
from main_service.entries.link_targets import MAX_TARGETS
from main_service.entries.models import Kind, Visibility
from main_service.entries.syntaxes import is_syntax
from main_service.entries.urls import check_url, complete_url, is_self_link
from main_service.keys.pool import Pool
from main_service.languages.changes import declared_by
from main_service.transfer.records import Record

MAX_TITLE_CHARACTERS = 200
_FIRST_YEAR = 1990
_MILLISECOND = timedelta(milliseconds=1)
_FORBIDDEN_IN_TITLES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
_EMPTY: dict[str, Any] = dict.fromkeys(FIELDS)


class NotImportedError(Exception):
    """A record can't become an entry. Its text is a sentence for people."""

    def __init__(self, reason: str, *, is_fault: bool = True) -> None:
        """`is_fault`: False where there is nothing to import."""
        super().__init__(reason)
        self.is_fault = is_fault


@dataclass(frozen=True)
class Draft:
    """An entry to create. Its key is the one that it had, or empty where it gets one of ours."""

    record: Record
    entry: LiveEntry
    digest: bytes
    note: str | None
    """What was changed, as a sentence for people; None: nothing."""
    targets: tuple[tuple[datetime, str], ...] = ()
    """The targets of a link, each with the time from which it held; the last is the present one. Empty: unknown."""

    @property
    def pool(self) -> Pool:
        """The pool to draw its key from: short keys only where a key need not be secret."""
        is_secret = self.entry.views_left is not None or self.entry.visibility is Visibility.PRIVATE
        return Pool.LINK if self.entry.kind is Kind.LINK and not is_secret else Pool.PASTE


def draft_of(record: Record, *, service: str, owner_id: UUID, policy: LifetimePolicy, public_url: str) -> Draft:
    """The entry that a record becomes, made by its owner. `service`: where it comes from.

    Raises:
        NotImportedError: it can't become an entry.
    """
    now = datetime.now(UTC)
    key, note = _key_of(record)
    created_at = instant_of(record.created_at, now)
    expires_at, cut = _expiry_of(record, policy, now)
    title = _FORBIDDEN_IN_TITLES.sub(" ", record.title or "").strip()[:MAX_TITLE_CHARACTERS].strip() or None
    syntax = record.syntax.lower() if record.syntax and is_syntax(record.syntax.lower()) else None
    values: dict[str, Any] = {
        **_EMPTY,
        **{name: value for name, value in record.values.items() if name in FIELDS},
        "key": key,
        "kind": record.kind,
        "owner_id": owner_id,
        "manage_generation": 0,
        "title": title,
        "visibility": record.visibility,
        "created_at": created_at,
        "updated_at": max(created_at, instant_of(record.values.get("updated_at"), now)),
        "version": 1,
        "expires_at": expires_at,
        "visit_count": 0,
        "imported_visit_count": record.visits,
    }
    values["has_public_statistics"] = bool(values["has_public_statistics"])
    values["passes_query"] = bool(values["passes_query"])
    targets: tuple[tuple[datetime, str], ...] = ()
    if record.text is None:
        values["original_url"] = _target_of(record, public_url)
        targets = _targets_of(record, values["original_url"], values["updated_at"])
    else:
        values |= {"body_id": uuid4(), "size_bytes": len(record.text), "syntax": syntax}
        values["detected_syntax"] = _detected_of(record, title=title, syntax=syntax)
    digest = sha256(f"{service}\0{record.source_id}".encode(errors="replace")).digest()
    return Draft(record, LiveEntry(**values), digest, " ".join(filter(None, (note, cut, record.note))) or None, targets)


def _key_of(record: Record) -> tuple[str, str | None]:
    """The key that it keeps, empty if none, and what people should know about that."""
    key = record.key
    if key is None:
        return "", None
    if not is_key(key):
        return "", "Its name isn't one that a link can have here."
    if is_reserved(key):
        return "", "Its name is reserved here."
    if record.visibility is Visibility.PRIVATE and not is_long_key(key):
        # Anyone could find out by trying that the entry exists.
        return "", "Its name could be guessed, so it got another."
    return key, None


def _expiry_of(record: Record, policy: LifetimePolicy, now: datetime) -> tuple[datetime | None, str | None]:
    if record.expires_at is None:
        return None, None
    if record.expires_at <= now:
        raise NotImportedError("This has expired.", is_fault=False)
    latest = now + policy.longest
    if record.expires_at > latest:
        return latest, "It expires earlier than it would have: this is the longest lifetime here."
    return record.expires_at, None


def instant_of(at: datetime | None, now: datetime) -> datetime:
    """The instant if it is in the past; anything else can't be true and becomes `now`."""
    return now if at is None or at > now or at.year < _FIRST_YEAR else at


def _detected_of(record: Record, *, title: str | None, syntax: str | None) -> str | None:
    """The language that was detected there; else the one that the text declares; None: it is to be looked for."""
    assert record.text is not None
    detected = record.values.get("detected_syntax")
    if syntax is None and isinstance(detected, str) and (not detected or is_syntax(detected)):
        return detected
    return declared_by(record.text, title=title, syntax=syntax)


def _targets_of(record: Record, target: str, updated_at: datetime) -> tuple[tuple[datetime, str], ...]:
    """The targets that a link had, of which the last is its target now; none of what can't be true."""
    now = datetime.now(UTC)
    found: dict[datetime, str] = {}
    for valid_from, url in sorted(record.targets):
        if valid_from.year >= _FIRST_YEAR and valid_from <= now and _is_url(url):
            found[_to_milliseconds(valid_from.astimezone(UTC))] = url
    if not found:
        return ()
    last = max(found)
    if found[last] != target:
        found[max(_to_milliseconds(updated_at), last + _MILLISECOND)] = target
    return tuple(sorted(found.items())[-MAX_TARGETS:])


def _to_milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _is_url(url: str) -> bool:
    try:
        check_url(url)
    except ValueError:
        return False
    return True


def _target_of(record: Record, public_url: str) -> str:
    try:
        target = check_url(complete_url(record.original_url or ""))
    except ValueError as error:
        raise NotImportedError(f"{error}.") from None
    if is_self_link(target, public_url):
        raise NotImportedError("A link can't lead back to this service.")
    return target
