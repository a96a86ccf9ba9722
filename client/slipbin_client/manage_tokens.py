"""Manage tokens of the entries that were created here without an account, in a file of mode 0600."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from slipbin_client import times
from slipbin_client.configuration import to_site
from slipbin_client.private_files import PrivateFile, data_folder

_KEPT = ("key", "url", "kind", "title", "original_url", "created_at", "expires_at", "manage_token")


class ManageTokens:
    """The manage tokens of one site, in a private file."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._file = PrivateFile(data_folder() / "manage_tokens.json")

    def keep(self, created: dict[str, Any]) -> None:
        """Keep the answer to a create, if it has a manage token. Those of expired entries are dropped."""
        if not created.get("manage_token"):
            return

        def change(sites: dict[str, Any]) -> None:
            for entries in sites.values():
                for key in [key for key, entry in entries.items() if _is_over(entry)]:
                    del entries[key]
            kept = {name: created.get(name) for name in _KEPT}
            sites.setdefault(self._site, {})[created["key"]] = kept
            # The service may be known by another URL here than in its links.
            sites.setdefault(to_site(created["url"]), {}).setdefault(created["key"], kept)

        self._file.change(change)

    def note_change(self, entry: dict[str, Any]) -> None:
        """Keep the new title and expiry of an entry, so that its token is kept for as long."""

        def change(sites: dict[str, Any]) -> None:
            for entries in sites.values():
                if entries.get(entry["key"], {}).get("manage_token") == token:
                    entries[entry["key"]] |= {
                        name: entry[name] for name in _KEPT if name in entry and name != "manage_token"
                    }

        token = self.find(entry["key"])
        if token is not None:
            self._file.change(change)

    def find(self, key: str) -> str | None:
        entry = self._entries().get(key)
        return None if entry is None else entry["manage_token"]

    def forget(self, key: str) -> None:
        """Forget an entry under every URL of its service."""
        token = self.find(key)
        if token is None:
            return

        def change(sites: dict[str, Any]) -> None:
            for entries in sites.values():
                if key in entries and entries[key]["manage_token"] == token:
                    del entries[key]

        self._file.change(change)

    def list(self) -> list[dict[str, Any]]:
        """The entries that haven't expired, newest first, as far as they are known here."""
        entries = [entry for entry in self._entries().values() if not _is_over(entry)]
        return sorted(entries, key=lambda entry: str(entry["created_at"]), reverse=True)

    def _entries(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self._file.read().get(self._site, {})
        return found


def known_keys() -> Iterator[str]:
    """The keys of all sites, for completion."""
    keys = {
        key: None for entries in PrivateFile(data_folder() / "manage_tokens.json").read().values() for key in entries
    }
    yield from keys


def _is_over(entry: dict[str, Any]) -> bool:
    expires_at = times.parse(entry.get("expires_at"))
    return expires_at is not None and expires_at <= datetime.now(UTC)
