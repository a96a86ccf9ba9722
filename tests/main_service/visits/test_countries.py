"""Countries come from a file in MaxMind's format, if there is one that can be read."""

from pathlib import Path

import asyncpg
import pytest
import redis
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from tests.main_service.visits.ingesting import add_batch, counted, ingest, insert_link, values, visit_to
from tests.support.running import Environment


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

    assert await values(database, key, "country") == {"DE": 2, "FR": 1, "unknown": 5}
    rows = await database.fetch("SELECT country FROM visit WHERE key = $1 AND country IS NOT NULL", key)
    assert sorted(row["country"] for row in rows) == ["DE", "DE", "FR"]


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

    assert await counted(database, key) == (1, 0)
    assert await values(database, key, "country") == {"unknown": 1}
