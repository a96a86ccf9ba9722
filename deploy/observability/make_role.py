"""Makes the role in PostgreSQL that the exporter signs in as: python -m deploy.observability.make_role FOLDER.

It may see figures of the server (`pg_monitor`) and no row of ours. Its password is generated once; FOLDER has it,
with the address of the database. Where the user of MAIN_DATABASE_URL may not make roles, as may be in a database that
others run, it ends with 0 and a sentence that says what its administrator must type.
"""

import asyncio
import os
import secrets
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg

from deploy.make_secrets import SHARED, keep, write

ROLE = "slipbin_monitor"
CONNECTIONS = 5
CONNECT_SECONDS = 10


async def make_role(folder: Path, database_url: str) -> None:
    """Make the role, or give it the drawn password and its rights again."""
    # A token in hexadecimal needs no quoting.
    password = keep(folder / "password", secrets.token_hex(32), mode=SHARED)
    write(folder / "uri", exporter_uri(database_url), mode=SHARED)
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""), timeout=CONNECT_SECONDS)
    try:
        is_there = await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", ROLE)
        async with connection.transaction():
            verb = "ALTER" if is_there else "CREATE"
            await connection.execute(f"{verb} ROLE {ROLE} LOGIN CONNECTION LIMIT {CONNECTIONS} PASSWORD '{password}'")
            await connection.execute(f"ALTER ROLE {ROLE} SET statement_timeout = '10s'")
            await connection.execute(f"GRANT pg_monitor TO {ROLE}")
    except asyncpg.InsufficientPrivilegeError:
        sys.stderr.write(
            "The user of MAIN_DATABASE_URL may not make roles. Until an administrator does, there are no figures of "
            f"PostgreSQL:\n  CREATE ROLE {ROLE} LOGIN PASSWORD '…';  -- the one in the volume postgres-monitor\n"
            f"  GRANT pg_monitor TO {ROLE};\n"
        )
    finally:
        await connection.close()


def exporter_uri(database_url: str) -> str:
    """Host, port, database and TLS of MAIN_DATABASE_URL, as the exporter wants them: without scheme and password."""
    parts = urlsplit(database_url)
    query = dict(parse_qsl(parts.query))
    query["sslmode"] = query.pop("ssl", "disable")
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}?{urlencode(query, safe='/')}"


if __name__ == "__main__":
    asyncio.run(make_role(Path(sys.argv[1]), os.environ["MAIN_DATABASE_URL"]))
