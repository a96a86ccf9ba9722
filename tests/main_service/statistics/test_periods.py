"""The periods of the statistics page: where they begin and end, their steps, and what they are compared with."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from main_service.errors import InvalidInputError
from main_service.statistics.periods import Period, Preset, get_period
from main_service.statistics.time_ranges import FIRST_DAY, Step

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 29, 12, 34, 56, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def utc(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)


def period(
    preset: Preset,
    first: date | None = None,
    last: date | None = None,
    *,
    zone: ZoneInfo = BERLIN,
    created_at: datetime = LONG_AGO,
    now: datetime = NOW,
) -> Period:
    return get_period(preset, first=first, last=last, zone=zone, created_at=created_at, now=now)


@pytest.mark.parametrize(
    ("preset", "start", "before", "step"),
    [
        (Preset.DAY, utc(2026, 11, 28, 13), (utc(2026, 11, 27, 13), utc(2026, 11, 28, 13)), Step.HOUR),
        (Preset.WEEK, utc(2026, 11, 22, 23), (utc(2026, 11, 15, 23), utc(2026, 11, 22, 13)), Step.DAY),
        (Preset.MONTH, utc(2026, 10, 30, 23), (utc(2026, 9, 30, 22), utc(2026, 10, 30, 12)), Step.DAY),
        (Preset.QUARTER, utc(2026, 8, 31, 22), (utc(2026, 6, 2, 22), utc(2026, 8, 31, 13)), Step.DAY),
        (Preset.ALL, LONG_AGO, None, Step.MONTH),
    ],
)
def test_period_ends_now_and_is_compared_with_as_much_time_before(
    preset: Preset, start: datetime, before: tuple[datetime, datetime] | None, step: Step
) -> None:
    found = period(preset)

    assert (found.start_at, found.end_at) == (start, utc(2026, 11, 29, 13))
    assert found.before == before
    assert found.step is step
    if before:
        assert before[1] - before[0] <= found.end_at - found.start_at


def test_custom_days_that_are_over_are_compared_with_as_many_before() -> None:
    found = period(Preset.CUSTOM, date(2026, 7, 11), date(2026, 7, 20))

    assert (found.start_at, found.end_at) == (utc(2026, 7, 10, 22), utc(2026, 7, 20, 22))
    assert found.before == (utc(2026, 6, 30, 22), utc(2026, 7, 10, 22))
    assert len(found.buckets.starts) == 10


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)])
def test_day_on_which_a_clock_is_changed_has_all_its_hours(day: date, hours: int) -> None:
    found = period(Preset.CUSTOM, day, day)

    assert found.step is Step.HOUR
    assert len(found.buckets.starts) == hours


def test_two_days_are_shown_by_hour_and_three_by_day() -> None:
    # The clock is set back on the first of the two.
    assert len(period(Preset.CUSTOM, date(2026, 10, 25), date(2026, 10, 26)).buckets.starts) == 49
    assert period(Preset.CUSTOM, date(2026, 10, 25), date(2026, 10, 27)).step is Step.DAY


@pytest.mark.parametrize("preset", [Preset.WEEK, Preset.MONTH, Preset.ALL])
def test_first_48_hours_are_shown_by_hour(preset: Preset) -> None:
    young = period(preset, created_at=NOW - timedelta(hours=47))
    older = period(preset, created_at=NOW - timedelta(hours=50))

    assert (young.step, young.start_at) == (Step.HOUR, utc(2026, 11, 27, 13))
    assert len(young.buckets.starts) == 48
    assert older.step is Step.DAY


def test_what_did_not_exist_in_all_of_the_time_before_is_not_compared() -> None:
    assert period(Preset.WEEK, created_at=utc(2026, 11, 15, 23, 59)).before is not None
    assert period(Preset.WEEK, created_at=utc(2026, 11, 16, 0, 0)).before is None
    assert period(Preset.WEEK, created_at=NOW).before is None


def test_period_before_the_entry_was_made_is_empty() -> None:
    found = period(Preset.CUSTOM, date(2019, 1, 1), date(2019, 1, 31))

    assert (found.buckets.starts, found.before) == ([], None)
    assert found.start_at == found.end_at


def test_open_ends_are_the_first_day_of_the_entry_and_today() -> None:
    born = utc(2026, 11, 1, 10)

    found = period(Preset.CUSTOM, created_at=born)
    assert (found.start_at, found.end_at) == (born, utc(2026, 11, 29, 13))
    found = period(Preset.CUSTOM, None, date(2026, 11, 5), created_at=born)
    assert (found.start_at, found.end_at) == (born, utc(2026, 11, 5, 23))
    assert period(Preset.CUSTOM, date(2026, 11, 28), date(9990, 1, 1)).end_at == utc(2026, 11, 29, 13)
    # Of an entry that is older than the longest period the last of it is shown.
    assert period(Preset.CUSTOM, created_at=utc(2001, 1, 1)).step is Step.MONTH


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        (date(2026, 11, 2), date(2026, 11, 1), "range_reversed"),
        (date(2026, 11, 30), date(2026, 12, 24), "range_in_future"),
        (date(9000, 1, 1), None, "range_in_future"),
        (date(1999, 12, 31), None, "day_out_of_range"),
        (None, date(9999, 12, 31), "day_out_of_range"),
        (FIRST_DAY, date(2026, 1, 1), "range_too_long"),
    ],
)
def test_days_that_make_no_period_are_refused(first: date | None, last: date | None, code: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        period(Preset.CUSTOM, first, last)

    assert [field.code for field in raised.value.fields] == [code]


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Apia", "UTC"])
@pytest.mark.parametrize("preset", list(Preset))
def test_buckets_cover_the_period_without_a_gap_in_every_zone(preset: Preset, zone: str) -> None:
    found = period(preset, zone=ZoneInfo(zone), created_at=utc(2026, 1, 1))
    starts = found.buckets.starts

    assert starts == sorted(set(starts))
    assert starts[-1] < found.end_at == utc(2026, 11, 29, 13)
    assert all((start - starts[0]) % timedelta(hours=1) == timedelta() for start in starts)


def test_buckets_since_an_hour_begin_with_it() -> None:
    buckets = period(Preset.WEEK, zone=ZoneInfo("UTC")).buckets

    left = buckets.since(utc(2026, 11, 27, 6))
    assert left.starts == [utc(2026, 11, 27, 6), utc(2026, 11, 28), utc(2026, 11, 29)]
    assert buckets.since(utc(2020, 1, 1)) == buckets
    assert buckets.since(utc(2026, 11, 29, 13)).starts == []
