"""Records that can't be read hold nothing up, and hostile values are only data."""

from uuid import uuid4

import asyncpg
import pytest
import redis

from tests.support.engines import Environment
from tests.support.visits import (
    DEAD_LETTERS,
    STREAM,
    add_batch,
    ingest,
    insert_link,
    remaining_records,
    value_counts,
    visit_counts,
    visit_to,
)


async def test_visits_to_keys_without_a_row_are_dropped(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    key = await insert_link(database)
    unknown = ["no-such-key", "", "a\x00b", "ключ", "x" * 10_000]
    add_batch(valkey, [visit_to(other) for other in unknown] + [visit_to(key)])

    assert await ingest(environment) == 1

    assert await visit_counts(database, key) == (1, 0)
    assert await database.fetchval("SELECT count(*) FROM visit WHERE key = ANY($1)", ["no-such-key", ""]) == 0
    assert "Dropped 5 visits" in caplog.text


@pytest.mark.parametrize(
    "changes",
    [
        {"f": "2"},
        {"f": ""},
        {"id": "no uuid"},
        {"id": b"\xff"},
        {"v": "no json"},
        {"v": "[[1]]"},
        {"v": '{"at_ms": 1}'},
        {"v": '[["1","k",null,null,"","",""]]'},
        {"v": '[[true,"k",null,null,"","",""]]'},
        {"v": '[[-1,"k",null,null,"","",""]]'},
        {"v": '[[999999999999999,"k",null,null,"","",""]]'},
        {"v": '[[1,"k",null,null,"\\ud800","",""]]'},
        {"v": b'[[1,"k",null,null,"\xff","",""]]'},
        {"v": '[[1,"k",null,null,null,"",""]]'},
        {"v": "[" * 10_000},
        {"v": '[[1,"k",null,null,"","","",""]]'},
    ],
    ids=str,
)
async def test_unreadable_record_becomes_a_dead_letter_and_holds_nothing_up(
    environment: Environment,
    database: asyncpg.Connection,
    valkey: redis.Redis,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, str | bytes],
) -> None:
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key)])
    record_id = valkey.xadd(STREAM, {"id": str(uuid4()), "f": "1", "v": "[]", **changes})
    add_batch(valkey, [visit_to(key)])
    before = valkey.xlen(DEAD_LETTERS)

    await ingest(environment)

    assert await visit_counts(database, key) == (2, 0)
    assert remaining_records(valkey) == (0, 0)
    assert valkey.xlen(DEAD_LETTERS) == before + 1
    with redis.Redis.from_url(environment["MAIN_REDIS_URL"]) as raw:
        [(_, fields)] = raw.xrevrange(DEAD_LETTERS, count=1)
    name, value = next(iter(changes.items()))
    assert fields[name.encode()] == (value.encode() if isinstance(value, str) else value)
    assert record_id in caplog.text


async def test_record_without_the_fields_of_a_batch_becomes_a_dead_letter(
    environment: Environment, valkey: redis.Redis
) -> None:
    valkey.xadd(STREAM, {"something": "else"})

    await ingest(environment)

    assert valkey.xrevrange(DEAD_LETTERS, count=1)[0][1] == {"something": "else"}
    assert remaining_records(valkey) == (0, 0)


HOSTILE = [
    "<script>alert(1)</script>",
    "'; DROP TABLE visit; --",
    '"quoted" \\N \\. \\t {curly,"braces"}',
    "a\x00b\x01c\x1b[31md\x7fe\u0085f",
    "tab\tnew\nline\r",
    "\u202egnp.exe \u2028 \ufeff",
    "ÿþ\xa0\xad",
    "=cmd|' /C calc'!A0",
    "%s %(name)s :bind $1",
    "x" * 100_000,
    "https://[bad",
    "http://a..b/",
    "https://" + "a." * 500 + "com/",
    "javascript:alert(1)",
    "http://user:secret@shop.example.org:99999/",
    "(" * 3_000,
    "Mozilla/5.0 (" * 200,
]


async def test_hostile_strings_are_only_data(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database)
    addresses = ["", "999.1.1.1", "fe80::1%eth0", "1.2.3.4/8", "::ffff:1.2.3.4", "\x00", "2001:db8::", "x" * 1000]
    visits = [visit_to(key, user_agent=text, referrer=text, language=text, visitor=text[:16]) for text in HOSTILE]
    visits += [visit_to(key, ip=address) for address in addresses]
    add_batch(valkey, visits)

    assert await ingest(environment) == len(visits)

    people, bots = await visit_counts(database, key)
    assert people + bots == len(visits)
    rows = await database.fetch("SELECT *, host(ip) AS ip FROM visit WHERE key = $1", key)
    texts = [value for row in rows for value in row.values() if isinstance(value, str)]
    assert all(text.isprintable() and len(text) <= 2_048 for text in texts)
    assert {row["ip"] for row in rows if row["referrer_domain"] == "example.net"} == {
        None, "::ffff:1.2.3.4", "2001:db8::"
    }  # fmt: skip
    stored = await database.fetch("SELECT value FROM visit_day_value WHERE key = $1", key)
    assert all(len(row["value"]) <= 253 for row in stored)
    assert await value_counts(database, key, "language") == {"unknown": people - len(addresses), "en": len(addresses)}
