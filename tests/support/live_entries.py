"""Entries as the service holds them while they live, made of nothing but what a test says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from main_service.entries.entry import LiveEntry
from main_service.entries.models import Kind, Visibility
from tests.support.entries import new_alias


def new_live_entry(kind: Kind = Kind.LINK, **fields: object) -> LiveEntry:
    """A guest's entry of now, unlisted, for an hour, without a row and a text; `fields` are others than these."""
    now = datetime.now(UTC)
    is_link = kind is Kind.LINK
    entry = LiveEntry(
        key=new_alias(),
        kind=kind,
        owner_id=None,
        manage_generation=0,
        title=None,
        visibility=Visibility.UNLISTED,
        created_at=now,
        updated_at=now,
        version=1,
        expires_at=now + timedelta(hours=1),
        has_public_statistics=False,
        visit_count=0,
        imported_visit_count=0,
        views_left=None,
        original_url="https://example.org/" if is_link else None,
        passes_query=False,
        body_id=None if is_link else uuid4(),
        size_bytes=None if is_link else 4,
        syntax=None,
        detected_syntax=None,
    )
    return replace(entry, **fields)  # type: ignore[arg-type]
