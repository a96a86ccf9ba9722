"""Countries come from a file in MaxMind's format: the shipped one, or the one that is set, if it can be read."""

from pathlib import Path

import asyncpg
import psutil
import pytest
import redis
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from main_service.visits.countries import SHIPPED, Countries
from tests.support.engines import Environment
from tests.support.visits import add_batch, ingest, insert_link, value_counts, visit_counts, visit_to


@pytest.fixture
def countries(tmp_path: Path) -> Path:
    writer = MMDBWriter(ip_version=6, database_type="Test-Country", ipv4_compatible=True)
    writer.insert_network(IPSet(["192.0.2.0/24"]), {"country": {"iso_code": "DE"}})
    writer.insert_network(IPSet(["2001:db8::/32"]), {"country": {"iso_code": "FR"}})
    writer.insert_network(IPSet(["198.51.100.0/25"]), {"continent": {"code": "EU"}})
    writer.insert_network(IPSet(["198.51.100.128/25"]), {"country": {"iso_code": "a country of lies"}})
    writer.to_db_file(str(tmp_path / "countries.mmdb"))
    return tmp_path / "countries.mmdb"


async def test_countries_are_found(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, countries: Path
) -> None:
    key = await insert_link(database)
    addresses = ["192.0.2.0", "192.0.2.0", "2001:db8::", "198.51.100.0", "198.51.100.128", "203.0.113.0", "no address"]
    add_batch(valkey, [visit_to(key, ip=address) for address in [*addresses, None]])

    await ingest(environment | {"MAIN_GEOIP_DB": str(countries)})

    assert await value_counts(database, key, "country") == {"DE": 2, "FR": 1, "unknown": 5}
    rows = await database.fetch("SELECT country FROM visit WHERE key = $1 AND country IS NOT NULL", key)
    assert sorted(row["country"] for row in rows) == ["DE", "DE", "FR"]


async def test_countries_are_known_without_a_setting(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database)
    known = {"8.8.8.8": "US", "81.2.69.142": "GB", "77.88.8.8": "RU", "202.12.27.33": "JP", "2a02:6b8::1": "RU"}
    add_batch(valkey, [visit_to(key, ip=address) for address in [*known, "127.0.0.1"]])

    await ingest(environment)

    rows = await database.fetch("SELECT host(ip) AS ip, country FROM visit WHERE key = $1", key)
    assert {row["ip"]: row["country"] for row in rows} == known | {"127.0.0.1": None}


async def test_countries_can_be_switched_off(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key, ip="8.8.8.8")])

    await ingest(environment | {"MAIN_GEOIP_DB": "off"})

    assert await value_counts(database, key, "country") == {"unknown": 1}


def test_shipped_database_is_mapped_and_not_read_into_memory() -> None:
    """Each round of the worker opens it: a copy in each process, each ten seconds, would be 8 MB a time."""
    with Countries(SHIPPED) as countries:
        assert countries.find("8.8.8.8") == "US"
        assert any(Path(region.path) == SHIPPED for region in psutil.Process().memory_maps())


def test_source_and_licence_stand_beside_the_shipped_database() -> None:
    note = (SHIPPED.parent / "README.md").read_text()

    assert "IPFire Location" in note
    assert "https://creativecommons.org/licenses/by-sa/4.0/" in note
    assert "25 June 2026" in note


@pytest.mark.parametrize("state", ["missing", "empty", "broken", "cut", "folder"])
async def test_file_that_cant_be_read_makes_countries_unknown(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, countries: Path, state: str
) -> None:
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key, ip="192.0.2.0")])
    content = countries.read_bytes()
    countries.unlink()
    if state == "folder":
        countries.mkdir()
    elif state != "missing":
        countries.write_bytes({"empty": b"", "broken": b"no database" * 100, "cut": content[-200:]}[state])

    await ingest(environment | {"MAIN_GEOIP_DB": str(countries)})

    assert await visit_counts(database, key) == (1, 0)
    assert await value_counts(database, key, "country") == {"unknown": 1}
