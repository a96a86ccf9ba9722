"""`python -m main_service doctor` on set-ups that are broken in one way or another: it names the cause and the cure."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
import redis

from main_service.doctor.clock import compare_clocks
from main_service.doctor.findings import Level, Report
from main_service.doctor.redis_server import why_no_write
from tests.faults.own_mounts import own_mounts
from tests.main_service.doctor.examined import Examined, examine
from tests.main_service.doctor.small_servers import address_of, own_valkey, web_page
from tests.support import forking
from tests.support.certificates import make_certificate, server_context
from tests.support.engines import START_SECONDS, Environment, full, temporary_folder
from tests.support.gates import Gated
from tests.support.ports import reserved_port
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import eventually
from tests.support.web import WebServer
from tests.support.workers import SLOW_QUEUE, keygen_beat, keygen_worker, main_beat, main_worker

PASSWORD = "hunter2-never-shown"
RANDOM = "Kq3vX9tLw2Zr8bNf5Ym7Hc4Pd6Js1Ga0"


@pytest.fixture(scope="module")
def well(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """All of Slipbin, working; its workers are gone when the module ends."""
    logs = tmp_path_factory.mktemp("logs")
    own = environment | {"MAIN_SECRET": RANDOM, "MAIN_BROKER_URL": environment["MAIN_BROKER_URL"].replace("=1", "=6")}
    own["KEYGEN_BROKER_URL"] = own["MAIN_BROKER_URL"]
    own["MAIN_REDIS_URL"] = own["KEYGEN_REDIS_URL"] = own["MAIN_REDIS_URL"].replace("=0", "=4")
    with redis.Redis.from_url(own["MAIN_REDIS_URL"]) as valkey:
        valkey.flushdb()
    with ExitStack() as running:
        running.enter_context(main_worker(own, logs / "main")).wait_for("ready")
        running.enter_context(main_worker(own, logs / "slow", kind=SLOW_QUEUE)).wait_for("ready")
        running.enter_context(keygen_worker(own, logs / "keygen")).wait_for("ready")
        running.enter_context(main_beat(own, logs))
        running.enter_context(keygen_beat(own, logs))
        web = running.enter_context(WebServer(own, shows_own_address=True))
        yield own | {"MAIN_PUBLIC_URL": web.address, "SLIPBIN_WEB_URL": web.address}


@pytest.fixture(scope="module")
def broken(environment: Environment) -> Environment:
    """Where nothing but the settings is needed: no worker, no web process."""
    # A broker that answers costs two seconds, as long as workers have to answer.
    broker = "redis+socket:///nowhere/valkey.sock?virtual_host=1"
    return environment | {"MAIN_SECRET": RANDOM, "MAIN_BROKER_URL": broker, "SLIPBIN_WEB_URL": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def valkey_folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


@pytest.fixture
def small_valkey(valkey_folder: Path) -> "Iterator[redis.Redis[str]]":
    with own_valkey(valkey_folder) as client:
        yield client


def test_healthy_installation_has_no_problem(well: Environment) -> None:
    # Each task that is due often has run within some seconds of the start.
    eventually(lambda: examine(well).status == 0, "a report without a problem", seconds=120)
    found = examine(well)

    assert (found.status, [it for it in found.findings if it["level"] in ("problem", "unknown")]) == (0, []), found.said
    subjects = {it["subject"] for it in found.findings if it["level"] == "ok"}
    assert {"settings", "database", "schema", "Redis", "workers", "text store", "public URL", "proxies"} <= subjects
    assert "no proof" in found.of("public URL", "ok")


def test_all_invalid_settings_are_told_at_once_and_the_rest_is_checked(broken: Environment) -> None:
    wrong = {
        "MAIN_SECRET": "short",
        "MAIN_REDIS_URL": f"http://:{PASSWORD}@valkey",
        "MAIN_PUBLIC_URL": "",
        "MAIN_GUEST_LIFETIME": "P1000D",
        "MAIN_TRUSTED_PROXIES": "10.0.0.300",
        "MAIN_TRUSTED_PROXY": "10.0.0.1",
    }
    found = examine(broken | wrong)

    assert found.status == 1
    told = found.problem("settings")
    for name in ("MAIN_SECRET", "MAIN_REDIS_URL", "MAIN_TRUSTED_PROXIES"):
        assert f"{name} is invalid" in told
    assert "MAIN_PUBLIC_URL is not set" in told
    assert "Did you mean MAIN_TRUSTED_PROXIES?" in found.of("settings", "warning")
    assert "MAIN_REDIS_URL is invalid" in found.of("Redis", "unknown")
    assert "PostgreSQL" in found.of("database", "ok")
    assert PASSWORD not in found.said


def test_rule_about_two_settings_is_told(broken: Environment) -> None:
    found = examine(broken | {"MAIN_GUEST_LIFETIME": "P1000D"})

    assert "MAIN_GUEST_LIFETIME must not be longer than MAIN_GUEST_MAX_LIFETIME" in found.problem("settings")
    assert "PostgreSQL" in found.of("database", "ok")


def test_secret_that_someone_typed_is_doubted(broken: Environment) -> None:
    for typed in ("correct-horse-secret-battery-staple", "abcdefghij" * 4):
        assert "openssl rand -hex 32" in examine(broken | {"MAIN_SECRET": typed}).of("secret", "warning")


async def test_role_and_database_of_postgresql_that_do_not_fit(
    broken: Environment, database: asyncpg.Connection
) -> None:
    url = broken["MAIN_DATABASE_URL"]
    hba = Path(await database.fetchval("SHOW hba_file"))
    before = hba.read_text()
    await database.execute(f"CREATE ROLE locked LOGIN PASSWORD '{RANDOM}'")
    hba.write_text(f"local all locked scram-sha-256\n{before}")
    try:
        await database.execute("SELECT pg_reload_conf()")
        wrong = {
            "password": url.replace("//slipbin@", f"//locked:{PASSWORD}@"),
            "role": url.replace("//slipbin@", "//nosuchrole@"),
            "name": url.replace("/slipbin?", "/nosuchname?"),
            "socket": url.replace("?host=", "?host=/nowhere"),
            "rights": url.replace("//slipbin@", f"//locked:{RANDOM}@"),
        }
        found = {what: examine(broken | {"MAIN_DATABASE_URL": value}) for what, value in wrong.items()}
    finally:
        hba.write_text(before)
        await database.execute("SELECT pg_reload_conf()")
        await database.execute("DROP ROLE locked")

    assert all(each.status == 1 for each in found.values())
    assert "refuses the password of locked" in found["password"].problem("database")
    assert "percent-encode" in found["password"].problem("database")
    assert "no such role" in found["role"].problem("database")
    assert "has no database nosuchname. -> Create it" in found["name"].problem("database")
    assert "There is no socket /nowhere" in found["socket"].problem("database")
    assert "lacks rights" in found["rights"].problem("database")
    assert not any(PASSWORD in each.said or RANDOM in each.said for each in found.values())


async def test_schema_that_is_missing_behind_or_ahead(broken: Environment, database: asyncpg.Connection) -> None:
    head = await database.fetchval("SELECT version_num FROM alembic_version")
    older = forking.run("-c", PREVIOUS, head, environment=full(broken), timeout=START_SECONDS).stdout.decode().strip()
    await database.execute("CREATE DATABASE doctors")
    other = broken | {"MAIN_DATABASE_URL": broken["MAIN_DATABASE_URL"].replace("/slipbin?", "/doctors?")}
    try:
        missing = examine(other)
        connection = await asyncpg.connect(other["MAIN_DATABASE_URL"].replace("+asyncpg", ""))
        await connection.execute("CREATE TABLE alembic_version (version_num text)")
        await connection.execute("INSERT INTO alembic_version VALUES ($1)", older)
        behind = examine(other)
        await connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        ahead = examine(other)
        await connection.close()
    finally:
        await database.execute("DROP DATABASE doctors WITH (FORCE)")

    assert "has no tables of Slipbin yet. -> Run: python -m main_service migrate" in missing.problem("schema")
    assert f"1 migration behind: it has {older}, and this release needs {head}" in behind.problem("schema")
    assert "migrated by a newer release: its revision ffffffffffff is unknown" in ahead.problem("schema")


PREVIOUS = """
import sys
from main_service.doctor.database import _known_revisions
known = _known_revisions()
print(known[known.index(sys.argv[1]) + 1])
"""


def test_redis_that_evicts_is_full_or_keeps_nothing(
    broken: Environment, small_valkey: "redis.Redis[str]", valkey_folder: Path
) -> None:
    there = broken | {"MAIN_REDIS_URL": address_of(valkey_folder)}
    small_valkey.config_set("maxmemory", "3mb")
    small_valkey.config_set("maxmemory-policy", "allkeys-lru")
    small_valkey.config_set("appendonly", "no")
    evicting = examine(there)
    small_valkey.config_set("maxmemory-policy", "noeviction")
    small_valkey.config_set("maxmemory", "1mb")
    full_of = examine(there)

    assert "maxmemory-policy is allkeys-lru" in evicting.problem("Redis")
    assert "Set maxmemory-policy noeviction" in evicting.problem("Redis")
    assert "Set appendonly yes" in evicting.of("Redis", "warning")
    assert "has no memory left and takes no writes" in full_of.problem("Redis")


def test_redis_whose_password_or_rights_are_wrong(
    broken: Environment, small_valkey: "redis.Redis[str]", valkey_folder: Path
) -> None:
    small_valkey.execute_command("ACL", "SETUSER", "poor", "on", f">{RANDOM}", "~*", "+@all", "-info", "-eval")
    small_valkey.config_set("requirepass", RANDOM)
    wrong = examine(broken | {"MAIN_REDIS_URL": address_of(valkey_folder, user=f":{PASSWORD}")})
    none = examine(broken | {"MAIN_REDIS_URL": address_of(valkey_folder)})
    poor = examine(broken | {"MAIN_REDIS_URL": address_of(valkey_folder, user=f"poor:{RANDOM}")})

    for each in (wrong, none):
        assert "refuses user or password, or asks for one" in each.problem("Redis")
    assert "may not run scripts" in poor.problem("Redis")
    assert "may not use INFO" in poor.problem("Redis")
    assert not any(PASSWORD in each.said or RANDOM in each.said for each in (wrong, none, poor))


def test_engines_that_are_away(broken: Environment) -> None:
    with reserved_port() as port:
        away = {
            "MAIN_DATABASE_URL": f"postgresql+asyncpg://slipbin:{PASSWORD}@127.0.0.1:{port}/slipbin",
            "MAIN_REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:{port}/0",
            "MAIN_BROKER_URL": f"redis://:{PASSWORD}@127.0.0.1:{port}/1",
            "MAIN_BODY_STORE_URL": "s3://texts/bodies",
            "MAIN_BODY_STORE_ENDPOINT": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
            "MAIN_SMTP_URL": f"smtp://slip:{PASSWORD}@127.0.0.1:{port}",
            "MAIN_PUBLIC_URL": f"http://127.0.0.1:{port}",
        }
        found = examine(broken | away)

    for subject in ("database", "Redis", "workers", "text store", "mail", "public URL"):
        assert f"Nothing listens at 127.0.0.1:{port}." in found.wrong(subject), (subject, found.said)
    assert "can't be asked" in found.of("schema", "unknown")
    assert "--web-url" in found.of("proxies", "unknown")
    assert PASSWORD not in found.said


def test_engines_that_hang_are_named_and_hold_nothing_up(broken: Environment, gated: Gated) -> None:
    with gated.postgres.hanging(), gated.valkey.hanging():
        found = examine(broken | gated.ways)

    for subject in ("database", "Redis", "workers"):
        told = found.wrong(subject)
        assert "does not answer in time" in told or "no answer within" in told, (subject, found.said)
    assert found.of("text store", "ok")


def test_missing_workers(broken: Environment, environment: Environment) -> None:
    """On a broker of their own, where none are."""
    found = examine(broken | {"MAIN_BROKER_URL": environment["MAIN_BROKER_URL"].replace("=1", "=5")})

    told = found.problem("workers")
    assert "No worker takes tasks from the queue main_service:" in told
    assert "No worker takes tasks from the queue main_service.slow:" in told
    assert "Start main-worker" in told


def test_bucket_and_keys_of_s3(broken: Environment, s3_environment: Environment) -> None:
    there = s3_environment | {"MAIN_SECRET": RANDOM, "MAIN_BROKER_URL": broken["MAIN_BROKER_URL"]}
    missing = examine(there | {"MAIN_BODY_STORE_URL": "s3://no-such-bucket/bodies"})
    wrong_secret = examine(there | {"AWS_SECRET_ACCESS_KEY": PASSWORD})
    wrong_key = examine(there | {"AWS_ACCESS_KEY_ID": "nobody:else"})
    good = examine(there)

    assert "does not exist. -> Run: python -m main_service migrate" in missing.problem("text store")
    for wrong in (wrong_secret, wrong_key):
        assert "secret key don't fit together. -> Correct AWS_ACCESS_KEY_ID" in wrong.problem("text store")
    assert "could be written" in good.of("text store", "ok")
    assert PASSWORD not in wrong_secret.said


def test_folder_of_texts_that_is_missing_is_not_made(broken: Environment, tmp_path: Path) -> None:
    texts = tmp_path / "not-mounted"

    found = examine(broken | {"MAIN_BODY_STORE_URL": f"file://{quote(str(texts))}"})

    assert f"The folder of texts {texts} is missing." in found.problem("text store")
    assert "mount" in found.problem("text store")
    assert not texts.exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [("ro", "is mounted read-only"), ("size=1m", "less than MAIN_BODY_STORE_MIN_FREE_BYTES (512 MiB): new texts")],
)
def test_disk_of_texts_that_is_read_only_or_full(broken: Environment, tmp_path: Path, options: str, told: str) -> None:
    mount = ["sh", "-c", f'mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"', str(tmp_path)]
    doctor = [sys.executable, "-m", "main_service", "doctor", "--json"]
    there = broken | {"MAIN_BODY_STORE_URL": f"file://{tmp_path}", "MAIN_BODY_STORE_MIN_FREE_BYTES": ""}
    done = subprocess.run(
        [*own_mounts(), *mount, *doctor], env=full(there), capture_output=True, check=False, timeout=START_SECONDS
    )
    found = Examined(done.returncode, json.loads(done.stdout)["findings"], "")

    assert (found.status, told in found.problem("text store")) == (1, True), done.stdout


def test_mail_server_that_refuses_or_offers_no_encryption(broken: Environment, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "certificate.pem")
    with SmtpServer(credentials=("slip", RANDOM), tls=server_context(certificate)) as server:
        url = f"smtp://slip:{PASSWORD}@127.0.0.1:{server.port}?starttls=always"
        trusting = {"MAIN_SMTP_URL": url, "SSL_CERT_FILE": str(certificate)}
        refused = examine(broken | trusting)
        untrusted = examine(broken | {"MAIN_SMTP_URL": url})
        let_in = examine(broken | trusting | {"MAIN_SMTP_URL": url.replace(PASSWORD, RANDOM)})
    with SmtpServer() as server:
        plain = examine(broken | {"MAIN_SMTP_URL": f"{server.url}?starttls=always"})

    assert "refuses user or password (535). -> Correct them in MAIN_SMTP_URL" in refused.problem("mail")
    assert "signed by an authority that is not trusted here" in untrusted.problem("mail")
    assert "lets us in, with TLS" in let_in.of("mail", "ok")
    assert "does not offer STARTTLS" in plain.problem("mail")
    assert PASSWORD not in refused.said + untrusted.said
    assert not server.inbox.recipients


def test_missing_mail_server_is_told(broken: Environment) -> None:
    found = examine({name: value for name, value in broken.items() if name != "MAIN_SMTP_URL"})

    assert "emails wait, and are given up two days later" in found.of("mail", "warning")


def test_public_url_at_which_something_else_answers(broken: Environment, tmp_path: Path) -> None:
    expired = make_certificate(tmp_path / "expired.pem", ends_in=-timedelta(days=1))
    soon = make_certificate(tmp_path / "soon.pem", ends_in=timedelta(days=3, hours=1))
    found = []
    for page, trusted in (
        (web_page(), None),
        (web_page(status=301, location="https://elsewhere.example/?secret"), None),
        (web_page(status=502), None),
        (web_page(tls=server_context(expired)), expired),
        (web_page(tls=server_context(soon)), None),
        (web_page(tls=server_context(soon)), soon),
    ):
        with page as url:
            own = {} if trusted is None else {"SSL_CERT_FILE": str(trusted)}
            found.append(examine(broken | own | {"MAIN_PUBLIC_URL": url}))
    other, moved, no_web, over, unknown, ending = found
    with web_page(tls=server_context(expired)) as url:
        inside = examine(broken | {"MAIN_TLS_ADDRESS": url.removeprefix("https://")})

    assert "Something else than Slipbin answers" in other.wrong("public URL")
    assert "redirects to https://elsewhere.example/," in moved.wrong("public URL")
    assert "can't reach a web process (502)" in no_web.wrong("public URL")
    assert "has expired. -> Renew it" in over.wrong("public URL")
    assert "has expired. -> Renew it" in inside.problem("certificate")
    assert "authority that is not trusted" in unknown.wrong("public URL")
    assert "ends in 3 days" in ending.of("public URL", "warning")


def test_untrusted_proxy_that_a_web_process_has_seen(well: Environment) -> None:
    with WebServer(well) as web:
        web.client.get("/health/live", headers={"X-Forwarded-For": "203.0.113.9"})
        web.client.get("/health/ready", headers={"X-Forwarded-For": "203.0.113.9"})
        found = examine(well, "--web-url", web.address)

    assert "A web process has noticed" in found.problem("proxies")
    assert "Set MAIN_TRUSTED_PROXIES" in found.problem("proxies")


def test_file_of_countries_that_is_none(broken: Environment, tmp_path: Path) -> None:
    wrong = tmp_path / "countries.mmdb"
    wrong.write_text("no database")

    for path, told in ((wrong, "no database in MaxMind's format"), (tmp_path / "missing", "No such file")):
        assert told in examine(broken | {"MAIN_GEOIP_DB": str(path)}).problem("countries")


def test_text_for_people_has_the_same_findings(broken: Environment) -> None:
    environment = full(broken | {"MAIN_BODY_STORE_URL": "file:///nowhere/texts", "COLUMNS": "80"})
    done = forking.run("-m", "main_service", "doctor", environment=environment, timeout=START_SECONDS)

    said = done.stdout.decode()
    assert done.returncode == 1
    assert "PROBLEM  text store  The folder of texts /nowhere/texts is missing." in said
    assert "-> If it is on a disk of its own, mount that." in said
    assert "problem" in said.splitlines()[-1]
    assert max(len(line) for line in said.splitlines()) <= 80


@pytest.mark.parametrize(
    ("ahead", "level", "told"),
    [
        (1.5, Level.OK, "agrees"),
        (-3, Level.WARNING, "3 s behind"),
        (29, Level.WARNING, "29 s ahead of"),
        (-31, Level.PROBLEM, "31 s behind"),
    ],
)
def test_clock_that_goes_wrong(ahead: float, level: Level, told: str) -> None:
    report = Report("database")

    compare_clocks(ahead, of="PostgreSQL", report=report)

    [finding] = report.findings
    assert (finding.level, told in finding.sentence) == (level, True)


def test_beat_that_is_silent(well: Environment) -> None:
    """A Redis on which no task was ever noted."""
    found = examine(well | {"MAIN_REDIS_URL": well["MAIN_REDIS_URL"].replace("=4", "=3")})

    told = found.problem("tasks")
    assert "has never run and should every 5 s" in told
    assert "is main-beat running? Start it" in told


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ("MISCONF Errors writing to the AOF file: No space left on device", "can't write to its disk"),
        ("command not allowed when used memory > 'maxmemory'.", "no memory left"),
        ("You can't write against a read only replica.", "a replica"),
        ("MOVED 3999 127.0.0.1:6381", "part of a cluster"),
        ("WEIRD thing", "(WEIRD)"),
    ],
)
def test_redis_that_refuses_everything(refusal: str, told: str) -> None:
    assert told in why_no_write(refusal)[0]
