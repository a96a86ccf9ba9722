"""What is drawn and said of figures: ticks of the axes, columns, changes, and names in words."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from main_service.statistics.axes import time_ticks, value_label, value_ticks
from main_service.statistics.changes import get_change
from main_service.statistics.charts import ChartedBucket, column_chart
from main_service.statistics.panels import bucket_label, get_chart, range_text
from main_service.statistics.service import Bucket
from main_service.statistics.time_ranges import Step
from main_service.statistics.value_names import name_of
from main_service.visits.models import Dimension

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
"""A Sunday."""


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (2, [0, 1, 2]),
        (4, [0, 1, 2, 3, 4]),
        (5, [0, 2, 4, 6]),
        (9, [0, 5, 10]),
        (10, [0, 5, 10]),
        (63, [0, 20, 40, 60, 80]),
        (100, [0, 50, 100]),
        (101, [0, 50, 100, 150]),
        (123_456_789, [0, 50_000_000, 100_000_000, 150_000_000]),
    ],
)
def test_values_at_the_side_are_round_and_begin_with_0(highest: int, ticks: list[int]) -> None:
    assert value_ticks(highest) == ticks


@settings(deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10**15))
def test_values_at_the_side_reach_up_to_the_highest(highest: int) -> None:
    ticks = value_ticks(highest)

    assert 2 <= len(ticks) <= 5
    assert ticks[0] == 0
    assert ticks[-2] < max(1, highest) <= ticks[-1]
    assert len({after - before for before, after in pairwise(ticks)}) == 1


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, "0"), (500, "500"), (1_000, "1k"), (1_500, "1.5k"), (20_000, "20k"), (2_500_000, "2.5M"), (10**9, "1G")],
)
def test_large_values_are_written_short(value: int, label: str) -> None:
    assert value_label(value) == label


def labels(step: Step, count: int, first: datetime = FIRST) -> list[tuple[int, str]]:
    lengths = {Step.HOUR: timedelta(hours=1), Step.DAY: timedelta(days=1)}
    if step is Step.MONTH:
        starts = [
            datetime(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1, tzinfo=UTC)
            for n in range(count)
        ]
    else:
        starts = [first + n * lengths[step] for n in range(count)]
    return [(tick.index, tick.label) for tick in time_ticks(starts, step)]


def test_hours_below_a_chart_are_round_and_name_the_day_at_midnight() -> None:
    assert labels(Step.HOUR, 3, FIRST + timedelta(hours=22)) == [(0, "22:00"), (1, "23:00"), (2, "2 Nov")]
    assert labels(Step.HOUR, 24, FIRST + timedelta(hours=13)) == [
        (3, "16:00"), (7, "20:00"), (11, "2 Nov"), (15, "04:00"), (19, "08:00"), (23, "12:00"),
    ]  # fmt: skip
    assert [label for _, label in labels(Step.HOUR, 48)] == [
        "1 Nov", "12:00", "2 Nov", "12:00",
    ]  # fmt: skip


def test_days_below_a_chart_are_all_of_a_week_mondays_of_a_month_and_halves_of_months() -> None:
    assert [label for _, label in labels(Step.DAY, 7)] == [f"{day} Nov" for day in range(1, 8)]
    assert [label for _, label in labels(Step.DAY, 14)] == [f"{day} Nov" for day in range(2, 15, 2)]
    assert labels(Step.DAY, 30) == [(1, "2 Nov"), (8, "9 Nov"), (15, "16 Nov"), (22, "23 Nov"), (29, "30 Nov")]
    assert [label for _, label in labels(Step.DAY, 90)] == ["1 Nov", "15 Nov", "1 Dec", "15 Dec", "1 Jan", "15 Jan"]


def test_months_below_a_chart_name_the_year_in_january() -> None:
    assert [label for _, label in labels(Step.MONTH, 5)] == ["Nov", "Dec", "2027", "Feb", "Mar"]
    assert [label for _, label in labels(Step.MONTH, 14)] == ["Nov", "2027", "Mar", "May", "Jul", "Sep", "Nov"]
    assert [label for _, label in labels(Step.MONTH, 120)] == ["2028", "2030", "2032", "2034", "2036"]


@settings(deadline=None, derandomize=True, database=None)
@given(st.sampled_from(Step), st.integers(1, 122), st.integers(0, 20_000))
def test_never_more_labels_than_a_phone_has_room_for(step: Step, count: int, offset_hours: int) -> None:
    found = labels(step, count, FIRST + timedelta(hours=offset_hours))

    assert 1 <= len(found) <= 7 or (step is Step.MONTH and count < 12) or (step is Step.HOUR and count > 100)


def test_columns_stand_on_0_and_are_as_high_as_their_share_of_the_axis() -> None:
    visits = [0, 1, 50, 100, 100_000]
    chart = column_chart([ChartedBucket(FIRST, str(people), people, 0) for people in visits], Step.DAY)

    assert [(line.value, line.top) for line in chart.lines] == [(0, 100), (50_000, 50), (100_000, 0)]
    # One visit is seen beside a hundred thousand; none is not.
    assert [(column.top, column.height) for column in chart.columns] == [(None, 0), (99, 1), (99, 1), (99, 1), (0, 100)]
    assert [(column.slot, column.slot_width) for column in chart.columns] == [(20 * n, 20) for n in range(5)]
    assert [(column.left, column.width) for column in chart.columns] == [(20 * n + 4, 12) for n in range(5)]


@pytest.mark.parametrize(("days", "before"), [(30, 4), (44, 6)])
def test_label_at_the_right_edge_is_not_cut(days: int, before: int) -> None:
    chart = column_chart([ChartedBucket(FIRST + timedelta(days=n), "", 1, 0) for n in range(days)], Step.DAY)
    assert [label.anchor for label in chart.labels] == [*["middle"] * before, "end"]
    assert chart.labels[-1].left == 100


def test_hour_that_comes_twice_has_two_names() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    starts = [datetime(2026, 10, 25, hour, tzinfo=UTC).astimezone(berlin) for hour in range(3)]

    chart = get_chart([Bucket(start, 1, 0) for start in starts], Step.HOUR)

    assert [column.label for column in chart.columns] == [
        "Sun 25 Oct, 02:00 CEST", "Sun 25 Oct, 02:00 CET", "Sun 25 Oct, 03:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "before", "signs", "words"),
    [
        (0, 0, "no change", "the same as in the period before"),
        (7, 7, "no change", "the same as in the period before"),
        (7, 0, "new", "none in the period before"),
        (50, 40, "+25 %", "25 % more than the 40 of the period before"),
        (30, 40, "−25 %", "25 % less than the 40 of the period before"),
        (0, 40, "−100 %", "100 % less than the 40 of the period before"),
        (10_001, 10_000, "+<1 %", "less than 1 % more than the 10,000 of the period before"),
        (9_999, 10_000, "−<1 %", "less than 1 % less than the 10,000 of the period before"),
        (39, 4, "+875 %", "875 % more than the 4 of the period before"),
        (40, 4, "×10", "10 times the 4 of the period before"),
        (5_000, 1, "×5,000", "5,000 times the 1 of the period before"),
    ],
)
def test_change_is_told_in_signs_and_words(now: int, before: int, signs: str, words: str) -> None:
    change = get_change(now, before)

    assert (change.signs, change.words) == (signs, words)


@pytest.mark.parametrize(
    ("dimension", "value", "name"),
    [
        (Dimension.COUNTRY, "DE", "Germany"),
        (Dimension.COUNTRY, "KR", "South Korea"),
        (Dimension.COUNTRY, "XK", "Kosovo"),
        (Dimension.COUNTRY, "A1", "Anonymous proxy"),
        (Dimension.COUNTRY, "ZQ", "ZQ"),
        (Dimension.LANGUAGE, "zh", "Chinese"),
        (Dimension.LANGUAGE, "pt", "Portuguese"),
        (Dimension.LANGUAGE, "tlh", "Klingon"),
        (Dimension.LANGUAGE, "qqq", "qqq"),
        (Dimension.DEVICE, "mobile", "Phone"),
        (Dimension.DEVICE, "desktop", "Computer"),
        (Dimension.OS, "iOS", "iPhone or iPad (iOS)"),
        (Dimension.OS, "Mac OS X", "macOS"),
        (Dimension.BROWSER, "Mobile Safari", "Safari (iPhone, iPad)"),
        (Dimension.BROWSER, "Firefox", "Firefox"),
        (Dimension.REFERRER, "example.org", "example.org"),
        (Dimension.REFERRER, "unknown", "Direct or unknown"),
        (Dimension.COUNTRY, "unknown", "Unknown"),
        (Dimension.OS, "other", "Other"),
    ],
)
def test_values_have_names_in_words(dimension: Dimension, value: str, name: str) -> None:
    assert name_of(dimension, value) == name


def test_buckets_and_ranges_have_names() -> None:
    assert bucket_label(FIRST, Step.DAY) == "Sun 1 Nov 2026"
    assert bucket_label(FIRST, Step.HOUR) == "Sun 1 Nov, 00:00"
    assert bucket_label(FIRST, Step.MONTH) == "November 2026"
    assert range_text(FIRST, FIRST) == "1 Nov 2026"
    assert range_text(FIRST, FIRST + timedelta(days=29)) == "1 – 30 Nov 2026"
    assert range_text(FIRST - timedelta(days=1), FIRST) == "31 Oct – 1 Nov 2026"
    assert range_text(FIRST - timedelta(days=365), FIRST) == "1 Nov 2025 – 1 Nov 2026"
