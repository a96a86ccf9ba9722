"""What a portion of visits adds up to, and which rows it has."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from struct import unpack_from
from uuid import UUID

import pytest

from main_service.visit_stream.record import RecordedVisit
from main_service.visits.aggregate import Aggregate, Aggregator, VisitCounts, VisitedEntry
from main_service.visits.copy_rows import COLUMNS
from main_service.visits.countries import Countries
from main_service.visits.enrich import PASTE, Target
from main_service.visits.models import Dimension
from tests.support.visits import ANDROID_CHROME, FIREFOX, GOOGLEBOT, at_ms

OWNER = UUID("6f1c29bb-5d25-4c1e-8a83-6a4f6cf0c0de")
EXAMPLE = Target("example.org", "www", "org", "example.org")
OTHER_TARGET = Target("example.com", None, "com", "example.com")
PASTED = VisitedEntry(None, PASTE)
NOON = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
HOUR = NOON.replace(minute=0)
TODAY = NOON.date()


def visit_at(
    at: datetime,
    key: str = "paste",
    *,
    ip: str | None = "203.0.113.0",
    visitor: str | None = "0123456789abcdef",
    user_agent: str = FIREFOX,
    referrer: str = "",
    language: str = "en",
) -> RecordedVisit:
    return at_ms(at), key, ip, visitor, user_agent, referrer, language


def aggregate_of(*visits: RecordedVisit, entries: dict[str, VisitedEntry] | None = None) -> Aggregate:
    with Countries(None) as countries:
        aggregator = Aggregator(entries or {"paste": PASTED, "link": VisitedEntry(OWNER, EXAMPLE)}, countries)
        for _ in aggregator.rows(visits):
            pass
        return aggregator.result()


def columns_of(*visits: RecordedVisit, entries: dict[str, VisitedEntry]) -> list[dict[str, bytes | None]]:
    """The rows, each as the fields that PostgreSQL would read of it."""
    with Countries(None) as countries:
        return [read_row(row) for row in Aggregator(entries, countries).rows(visits)]


def read_row(row: bytes) -> dict[str, bytes | None]:
    [count] = unpack_from("!h", row)
    fields: list[bytes | None] = []
    position = 2
    for _ in range(count):
        [length] = unpack_from("!i", row, position)
        position += 4
        fields.append(None if length < 0 else row[position : position + length])
        position += max(0, length)
    assert position == len(row)
    return dict(zip(COLUMNS, fields, strict=True))


def values_of(aggregate: Aggregate, dimension: Dimension) -> dict[tuple[str, date, str], int]:
    return {(key, day, value): count for key, day, its, value, count in aggregate.values if its is dimension}


def test_nothing_adds_up_to_nothing() -> None:
    assert aggregate_of() == Aggregate()


def test_people_and_bots_are_counted_apart_by_hours_of_utc() -> None:
    aggregate = aggregate_of(
        visit_at(HOUR),
        visit_at(HOUR + timedelta(minutes=59, seconds=59, milliseconds=999)),
        visit_at(HOUR + timedelta(hours=1), user_agent=GOOGLEBOT),
        visit_at(HOUR, "link", user_agent=GOOGLEBOT),
    )

    assert aggregate.hours == {
        ("link", HOUR): VisitCounts(0, 1),
        ("paste", HOUR): VisitCounts(2, 0),
        ("paste", HOUR + timedelta(hours=1)): VisitCounts(0, 1),
    }
    assert aggregate.entries == {"link": VisitCounts(0, 1), "paste": VisitCounts(2, 1)}


def test_bots_have_no_values_visitors_or_last_visit() -> None:
    aggregate = aggregate_of(visit_at(NOON, user_agent=GOOGLEBOT))

    assert (aggregate.values, aggregate.visitors, aggregate.last_visits) == ([], {}, {})


def test_visitor_who_comes_twice_on_a_day_is_one_of_that_day() -> None:
    tomorrow = NOON + timedelta(days=1)
    aggregate = aggregate_of(
        visit_at(NOON, visitor="a"),
        visit_at(NOON, visitor="a"),
        visit_at(NOON, visitor="b"),
        visit_at(tomorrow, visitor="a"),
    )

    assert aggregate.visitors == {("paste", TODAY): {"a", "b"}, ("paste", TODAY + timedelta(days=1)): {"a"}}


def test_visit_of_which_nothing_is_kept_is_one_of_a_person_without_a_visitor() -> None:
    aggregate = aggregate_of(visit_at(NOON, ip=None, visitor=None, user_agent="", language=""))

    assert aggregate.entries == {"paste": VisitCounts(1, 0)}
    assert aggregate.visitors == {}
    assert {(value, count) for _, _, _, value, count in aggregate.values} == {("unknown", 1)}
    assert len(aggregate.values) == len(Dimension)


def test_client_that_names_no_program_is_a_bot_unless_nothing_is_kept() -> None:
    assert aggregate_of(visit_at(NOON, user_agent="")).entries == {"paste": VisitCounts(0, 1)}


def test_last_visit_is_the_latest_of_a_person_to_the_millisecond() -> None:
    latest = NOON.replace(microsecond=123_000)
    by_people = [visit_at(latest - before) for before in (timedelta(), timedelta(milliseconds=1), timedelta(days=3))]

    aggregate = aggregate_of(*by_people, visit_at(NOON + timedelta(hours=1), user_agent=GOOGLEBOT))

    assert aggregate.last_visits == {"paste": latest}


def test_values_are_counted_by_day_and_add_up_to_the_visits_of_people() -> None:
    generator = random.Random(4711)
    visits = [
        visit_at(
            NOON + timedelta(hours=generator.randrange(100)),
            generator.choice(["paste", "link"]),
            user_agent=generator.choice([FIREFOX, ANDROID_CHROME, GOOGLEBOT, "curl/8.5.0"]),
            referrer=generator.choice(["", "https://www.example.net/a", "nonsense"]),
            language=generator.choice(["de-AT", "en", "*"]),
        )
        for _ in range(500)
    ]
    people = Counter((visit[1], (visit[0] // 1000 // 86_400)) for visit in visits if visit[4] != GOOGLEBOT)
    by_day = {
        (key, (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()): n for (key, day), n in people.items()
    }

    aggregate = aggregate_of(*visits)

    for dimension in Dimension:
        sums: Counter[tuple[str, date]] = Counter()
        for (key, day, _), count in values_of(aggregate, dimension).items():
            sums[key, day] += count
        assert sums == by_day, dimension
    assert aggregate.values == sorted(aggregate.values)
    assert {value for _, _, value in values_of(aggregate, Dimension.LANGUAGE)} == {"de", "en", "unknown"}
    assert {value for _, _, value in values_of(aggregate, Dimension.REFERRER)} == {"example.net", "unknown"}


def test_order_of_visits_changes_nothing() -> None:
    visits = [
        visit_at(NOON + timedelta(hours=n % 30), "link" if n % 3 else "paste", visitor=str(n % 7)) for n in range(90)
    ]
    shuffled = random.Random(1).sample(visits, len(visits))

    assert aggregate_of(*visits) == aggregate_of(*shuffled)
    assert list(aggregate_of(*shuffled).hours) == sorted(aggregate_of(*visits).hours)


def test_visits_to_unknown_keys_are_dropped_and_counted() -> None:
    aggregate = aggregate_of(visit_at(NOON, "gone"), visit_at(NOON), visit_at(NOON, "\0"))

    assert aggregate.dropped == 2
    assert aggregate.entries == {"paste": VisitCounts(1, 0)}


def test_row_has_the_owner_and_the_target_of_its_entry() -> None:
    [row] = columns_of(visit_at(NOON, "link"), entries={"link": VisitedEntry(OWNER, EXAMPLE)})

    assert (row["key"], row["owner_id"], row["is_bot"]) == (b"link", OWNER.bytes, b"\0")
    assert (row["target_domain"], row["target_subdomain"]) == (b"example.org", b"www")
    assert (row["domain_1st"], row["domain_2nd"]) == (b"org", b"example.org")
    assert row["visited_at"] == int((NOON - datetime(2000, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)).to_bytes(8)


def test_row_of_a_paste_has_no_target() -> None:
    [row] = columns_of(visit_at(NOON), entries={"paste": PASTED})

    assert [row[name] for name in ("owner_id", "target_domain", "target_subdomain", "domain_1st", "domain_2nd")] == [
        None
    ] * 5


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(-1, b"example.com", id="before the first that is known"),
        pytest.param(0, b"example.com", id="first"),
        pytest.param(9, b"example.com", id="last millisecond of the first"),
        pytest.param(10, b"example.org", id="second"),
        pytest.param(99, b"example.org", id="long after"),
    ],
)
def test_row_of_a_link_that_changed_has_the_target_of_its_time(after: int, expected: bytes) -> None:
    changed_ms = at_ms(NOON)
    link = VisitedEntry(OWNER, EXAMPLE, earlier=((changed_ms, OTHER_TARGET), (changed_ms + 10, EXAMPLE)))

    [row] = columns_of(visit_at(NOON + timedelta(milliseconds=after), "link"), entries={"link": link})

    assert row["target_domain"] == expected


@pytest.mark.parametrize("ip", [None, "", "nonsense", "fe80::1%eth0"])
def test_what_is_no_address_is_null(ip: str | None) -> None:
    [row] = columns_of(visit_at(NOON, ip=ip), entries={"paste": PASTED})

    assert (row["ip"], row["country"]) == (None, None)


def test_result_has_the_rows_that_were_taken() -> None:
    with Countries(None) as countries:
        aggregator = Aggregator({"paste": PASTED}, countries)
        rows = aggregator.rows([visit_at(NOON), visit_at(NOON)])
        next(rows)
        assert aggregator.result().entries == {"paste": VisitCounts(1, 0)}
        next(rows)
        assert aggregator.result().entries == {"paste": VisitCounts(2, 0)}
