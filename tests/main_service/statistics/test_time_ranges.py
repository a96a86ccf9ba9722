"""Where days and buckets begin and end in a time zone."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from main_service.errors import InvalidInputError
from main_service.statistics.time_ranges import (
    FIRST_DAY,
    HOUR,
    LONGEST_DAYS,
    DateRange,
    Step,
    check_date_range,
    day_of_visit,
    day_start,
    get_zone,
    history_buckets,
)

BERLIN = ZoneInfo("Europe/Berlin")
APIA = ZoneInfo("Pacific/Apia")
"""It skipped 30 December 2011."""
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia")]
NOW = datetime(2026, 11, 29, 12, 34, 56, tzinfo=UTC)

days = st.dates(date(2001, 1, 1), date(2026, 11, 29))
instants = st.integers(978_307_200, 1_893_456_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def utc(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)


def starts(step: Step, first: date, last: date, *, zone: ZoneInfo = BERLIN, now: datetime = NOW) -> list[datetime]:
    return history_buckets(step, first=first, last=last, zone=zone, now=now)[1].starts


def error_code(first: date | None, last: date | None, step: Step = Step.DAY) -> tuple[str, str]:
    with pytest.raises(InvalidInputError) as raised:
        history_buckets(step, first=first, last=last, zone=BERLIN, now=NOW)
    [field] = raised.value.fields
    return field.field, field.code


def test_date_range_ends_before_the_day_after_its_last() -> None:
    february = DateRange(date(2024, 2, 1), date(2024, 2, 29))

    assert february.until == date(2024, 3, 1)
    assert (february.start_at, february.end_at) == (utc(2024, 2, 1), utc(2024, 3, 1))


@pytest.mark.parametrize(
    ("day", "zone", "start"),
    [
        pytest.param(date(2026, 7, 1), "UTC", utc(2026, 7, 1), id="UTC"),
        pytest.param(date(2026, 7, 1), "Europe/Berlin", utc(2026, 6, 30, 22), id="summer"),
        pytest.param(date(2026, 1, 1), "Europe/Berlin", utc(2025, 12, 31, 23), id="winter"),
        pytest.param(date(2026, 7, 1), "Asia/Kolkata", utc(2026, 6, 30, 19), id="half an hour off"),
        pytest.param(date(2026, 7, 1), "Asia/Kathmandu", utc(2026, 6, 30, 19), id="three quarters of an hour off"),
        pytest.param(date(2011, 12, 31), "Pacific/Apia", utc(2011, 12, 30, 10), id="after a day that was skipped"),
        pytest.param(date(2011, 12, 30), "Pacific/Apia", utc(2011, 12, 30, 10), id="a day that was skipped"),
        pytest.param(date(2018, 11, 4), "America/Sao_Paulo", utc(2018, 11, 4, 3), id="midnight that was skipped"),
        pytest.param(date(2026, 11, 1), "America/Havana", utc(2026, 11, 1, 4), id="midnight that comes twice"),
    ],
)
def test_day_starts_with_the_first_whole_hour_in_it(day: date, zone: str, start: datetime) -> None:
    assert day_start(day, ZoneInfo(zone)) == start


@settings(deadline=None, derandomize=True, database=None)
@given(instants)
def test_visit_counts_for_the_day_that_began_last(instant: datetime) -> None:
    for zone in ZONES:
        day = day_of_visit(instant, zone)
        assert day_start(day, zone) <= instant < day_start(day + timedelta(days=1), zone) + HOUR
        assert abs(day - instant.astimezone(zone).date()) <= timedelta(days=1)


@settings(deadline=None, derandomize=True, database=None)
@given(days, st.integers(0, 30), st.sampled_from(list(Step)), st.sampled_from(ZONES))
def test_buckets_cover_their_days_without_a_gap(first: date, more: int, step: Step, zone: ZoneInfo) -> None:
    last = first + timedelta(days=more)
    try:
        covered, buckets = history_buckets(step, first=first, last=last, zone=zone, now=NOW)
    except InvalidInputError:
        assert first > NOW.astimezone(zone).date()
        return
    ends = [*buckets.starts[1:], buckets.end_at]

    assert all(start < end for start, end in zip(buckets.starts, ends, strict=True))
    assert all(instant.astimezone(UTC).minute == 0 for instant in ends)
    if buckets.starts:
        assert buckets.starts[0] == day_start(first, zone)
    assert buckets.end_at == min(day_start(covered.until, zone), utc(2026, 11, 29, 13))


def test_hours_of_days_on_which_clocks_are_changed() -> None:
    assert len(starts(Step.HOUR, date(2026, 3, 29), date(2026, 3, 29))) == 23
    assert len(starts(Step.HOUR, date(2026, 10, 25), date(2026, 10, 25))) == 25
    assert all(
        after - before == HOUR for before, after in pairwise(starts(Step.HOUR, date(2026, 3, 28), date(2026, 3, 30)))
    )


def test_day_that_a_zone_skipped_is_no_bucket() -> None:
    found = starts(Step.DAY, date(2011, 12, 29), date(2011, 12, 31), zone=APIA)

    assert [start.astimezone(APIA).date() for start in found] == [date(2011, 12, 29), date(2011, 12, 31)]


def test_first_month_may_begin_within_it() -> None:
    found = starts(Step.MONTH, date(2025, 12, 15), date(2026, 2, 3), zone=ZoneInfo("UTC"))

    assert found == [utc(2025, 12, 15), utc(2026, 1, 1), utc(2026, 2, 1)]


def test_present_bucket_is_the_last() -> None:
    covered, buckets = history_buckets(
        Step.HOUR, first=date(2026, 11, 29), last=date(2027, 1, 1), zone=ZoneInfo("UTC"), now=NOW
    )

    assert covered == DateRange(date(2026, 11, 29), date(2026, 11, 29))
    assert (buckets.starts[-1], buckets.end_at) == (utc(2026, 11, 29, 12), utc(2026, 11, 29, 13))


@pytest.mark.parametrize(("step", "count"), [(Step.HOUR, 2), (Step.DAY, 30), (Step.MONTH, 365)])
def test_without_a_first_day_the_last_days_are_meant(step: Step, count: int) -> None:
    covered, _ = history_buckets(step, first=None, last=None, zone=BERLIN, now=NOW)

    assert covered.last == date(2026, 11, 29)
    assert (covered.until - covered.first).days == count


def test_history_does_not_begin_before_there_were_visits() -> None:
    covered, _ = history_buckets(Step.MONTH, first=None, last=date(2000, 1, 5), zone=BERLIN, now=NOW)

    assert covered == DateRange(FIRST_DAY, date(2000, 1, 5))


@pytest.mark.parametrize("step", list(Step))
def test_history_spans_so_many_days_and_no_more(step: Step) -> None:
    last = date(2026, 11, 1)
    first = last - timedelta(days=LONGEST_DAYS[step] - 1)

    assert starts(step, first, last)
    assert error_code(first - timedelta(days=1), last, step) == ("from", "range_too_long")


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(1999, 12, 31), None, ("from", "day_out_of_range")),
        (None, date(1999, 12, 31), ("to", "day_out_of_range")),
        (None, date(9999, 1, 1), ("to", "day_out_of_range")),
        (date(2026, 11, 2), date(2026, 11, 1), ("from", "range_reversed")),
        (date(2026, 11, 30), None, ("from", "range_in_future")),
    ],
)
def test_range_that_can_t_be_is_refused(first: date | None, last: date | None, expected: tuple[str, str]) -> None:
    assert error_code(first, last) == expected


def test_open_and_single_ranges_are_in_order() -> None:
    check_date_range(None, None)
    check_date_range(FIRST_DAY, FIRST_DAY)


@pytest.mark.parametrize("name", ["", "Mars", "europe/berlin", "../Berlin", "UTC\0"])
def test_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        get_zone(name)


def test_time_zone_is_found_by_its_name() -> None:
    assert get_zone("Europe/Berlin") == BERLIN
