"""Finds the country of an address in a database of MaxMind's format: the shipped one or the operator's own."""

import logging
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import TracebackType

import maxminddb

from main_service.settings import Settings

logger = logging.getLogger(__name__)

SHIPPED = Path(__file__).parent / "data" / "countries.mmdb"


@dataclass(frozen=True)
class Source:
    """The source of a database, which its licence demands to be named wherever its countries are shown."""

    name: str
    address: str
    exported_on: date
    licence: str
    licence_address: str


_SOURCE_OF_SHIPPED = Source(
    name="IPFire Location",
    address="https://location.ipfire.org/",
    exported_on=date(2026, 6, 25),
    licence="CC BY-SA 4.0",
    licence_address="https://creativecommons.org/licenses/by-sa/4.0/",
)


def database_of(settings: Settings) -> Path | None:
    """The database to find countries in; None: countries are switched off."""
    if settings.geoip_db == "off":
        return None
    return settings.geoip_db or SHIPPED


def source_of(settings: Settings) -> Source | None:
    """The source of the shipped database; None if another is used, whose source the operator names."""
    return _SOURCE_OF_SHIPPED if settings.geoip_db is None else None


class Countries:
    """Use it as a context. Without a file, or with one that can't be read, all countries are unknown.

    Opened for each run, so that a new file is found. It is mapped into memory, which all processes share, and of which
    only what is asked for is ever read: so a new file must be renamed into its place, never written over the old one.
    """

    def __init__(self, path: Path | None) -> None:
        self._known: dict[str, str | None] = {}
        self._reader: maxminddb.Reader | None = None
        if path is not None:
            try:
                self._reader = maxminddb.open_database(path)
            except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
                _warn_once(f"Countries are unknown, MAIN_GEOIP_DB can't be read: {error}")

    def __enter__(self) -> "Countries":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._reader is not None:
            self._reader.close()

    def find(self, ip: str) -> str | None:
        """The ISO code of the country, such as `DE`; None: unknown. `ip`: a valid address."""
        if ip not in self._known:
            self._known[ip] = self._look_up(ip)
        return self._known[ip]

    def _look_up(self, ip: str) -> str | None:
        if self._reader is None:
            return None
        try:
            record = self._reader.get(ip)
        except (ValueError, maxminddb.InvalidDatabaseError) as error:
            # An IPv6 address in an IPv4 database, or a corrupt database.
            _warn_once(f"Some countries are unknown: {error}")
            return None
        country = record.get("country") if isinstance(record, dict) else None
        code = country.get("iso_code") if isinstance(country, dict) else None
        return code if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha() else None


@cache
def _warn_once(message: str) -> None:
    logger.warning("%s", message)
