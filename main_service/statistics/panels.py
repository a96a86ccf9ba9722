"""The parts of the statistics page, as its template shows them: figures with their change, the chart, and panels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from main_service.statistics.changes import Change, get_change
from main_service.statistics.charts import ChartedBucket, ColumnChart, column_chart
from main_service.statistics.page_query import PageQuery
from main_service.statistics.period_figures import PeriodFigures
from main_service.statistics.periods import Period
from main_service.statistics.service import Bucket, CountedEntry
from main_service.statistics.storage import RangeCounts, ValueCount
from main_service.statistics.time_ranges import HOUR, Step
from main_service.statistics.value_names import name_of
from main_service.visits.imported_figures import ImportedMonth
from main_service.visits.models import OTHER, UNKNOWN, Dimension

SHOWN = 10
"""Values of a panel that are shown at once; the others are folded up."""

MAX_MONTHS = 120
"""Months before an import that are shown one by one, the latest."""

HEADINGS = {
    Dimension.REFERRER: ("Referrers", "Referrer"),
    Dimension.COUNTRY: ("Countries", "Country"),
    Dimension.DEVICE: ("Devices", "Device"),
    Dimension.BROWSER: ("Browsers", "Browser"),
    Dimension.OS: ("Systems", "System"),
    Dimension.LANGUAGE: ("Languages", "Language"),
}
"""The panels in their order, with the heading of each and of its column."""


@dataclass(frozen=True)
class Figure:
    """A figure of the period. None: there is nothing to compare it with."""

    label: str
    text: str
    change: Change | None = None


@dataclass(frozen=True)
class Share:
    """A value as a row with a bar. `link`: the page of the visits with this value; None: there is none."""

    name: str
    is_word: bool
    """Whether the name is ours, such as *Other*, and not a value."""
    visits: int
    percent: float
    """The share of all visits, which is the length of the bar."""
    link: str | None = None


@dataclass(frozen=True)
class Panel:
    """The values of a dimension, those with most visits first."""

    id: str
    heading: str
    column: str
    first: list[Share]
    rest: Share | None
    """All that are not in `first`, together."""
    more: list[Share]
    """Those of the rest that are known one by one."""


@dataclass(frozen=True)
class Filter:
    """A filter that is set, and the link to the page without it."""

    column: str
    name: str
    link: str


@dataclass(frozen=True)
class BeforeImport:
    """The visits that were counted elsewhere before an entry was imported.

    `days`: from when until when; `chart`: by month. None: only their number is known.
    """

    people: int
    bots: int
    days: str | None
    chart: ColumnChart | None
    is_chart_cut: bool
    """Whether the chart begins later than the visits."""


def get_figures(figures: PeriodFigures, period: Period) -> list[Figure]:
    """The figures in their order. What is not known is left out."""
    before = figures.before or RangeCounts(0, 0, 0)

    def figure(label: str, value: int, value_before: int) -> Figure:
        return Figure(label, f"{value:,}", None if figures.before is None else get_change(value, value_before))

    found = [figure("Visits", figures.people, before.people)]
    if figures.visitors is not None:
        found.append(figure("Daily visitors", figures.visitors, before.day_visitors))
    if figures.buckets:
        is_by_hour = period.step is Step.HOUR
        length = period.end_at - figures.buckets[0].start_at
        rate = figures.people / max(1, length / (HOUR if is_by_hour else timedelta(days=1)))
        found.append(Figure(f"Visits per {'hour' if is_by_hour else 'day'}", f"{rate:,.{0 if rate >= 10 else 1}f}"))
    if figures.visitors is not None:
        found.append(figure("Crawler visits", figures.bots, before.bots))
    return found


def get_chart(buckets: Sequence[Bucket], step: Step) -> ColumnChart:
    """The chart of the buckets, each with its label, of which no two are the same."""
    labels = [bucket_label(each.start_at, step) for each in buckets]
    count = Counter(labels)
    return column_chart(
        [
            # When a clock is set back, an hour comes twice.
            ChartedBucket(
                each.start_at, label if count[label] == 1 else f"{label} {each.start_at:%Z}", each.people, each.bots
            )
            for each, label in zip(buckets, labels, strict=True)
        ],
        step,
    )


def get_before_import(entry: CountedEntry, months: Sequence[ImportedMonth]) -> BeforeImport | None:
    """What there is to show of the time before the import; None: nothing. `months`: the earliest first."""
    if not entry.has_imported_visits:
        return None
    chart, days, is_cut = None, None, False
    if months:
        by_month = {each.month: each for each in months}
        first, last = months[0].month, months[-1].month
        count = 12 * (last.year - first.year) + last.month - first.month + 1
        shown = [_month_before(last, back) for back in reversed(range(min(count, MAX_MONTHS)))]
        is_cut = count > MAX_MONTHS
        found = [by_month.get(month) for month in shown]
        starts = [datetime(month.year, month.month, 1, tzinfo=UTC) for month in shown]
        counts = [(each.people, each.bots) if each else (0, 0) for each in found]
        chart = get_chart([Bucket(start, *both) for start, both in zip(starts, counts, strict=True)], Step.MONTH)
        first_day, last_day = (datetime.combine(day, time(), UTC) for day in (months[0].first_day, months[-1].last_day))
        days = range_text(first_day, last_day)
    return BeforeImport(entry.imported_visit_count, entry.imported_bot_count, days, chart, is_cut)


def _month_before(month: date, count: int) -> date:
    """The first day of the month that is so many months earlier."""
    number = 12 * month.year + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def bucket_label(start: datetime, step: Step) -> str:
    if step is Step.MONTH:
        return f"{start:%B %Y}"
    return f"{start:%a} {start.day} {start:%b, %H:%M}" if step is Step.HOUR else f"{start:%a} {start.day} {start:%b %Y}"


def range_text(first: datetime, last: datetime) -> str:
    """The days from the one to the other: `31 Oct - 29 Nov 2025`, with a real dash."""
    until = f"{last.day} {last:%b %Y}"
    if first.date() == last.date():
        return until
    if first.year != last.year:
        return f"{first.day} {first:%b %Y} – {until}"
    month = f" {first:%b}" if first.month != last.month else ""
    return f"{first.day}{month} – {until}"


def get_panels(figures: PeriodFigures, query: PageQuery) -> list[Panel]:
    """A panel for each dimension."""
    return [_panel(dimension, figures.values[dimension], figures, query) for dimension in HEADINGS]


def get_filters(query: PageQuery) -> list[Filter]:
    return [
        Filter(HEADINGS[dimension][1], name_of(dimension, value), query.unfiltered_link(dimension))
        for dimension, value in query.filters.items()
    ]


def _panel(dimension: Dimension, counts: Sequence[ValueCount], figures: PeriodFigures, query: PageQuery) -> Panel:
    total = sum(each.visits for each in counts) or 1
    can_filter = figures.filterable.since is not None and dimension not in query.filters
    named = [each for each in counts if each.value != OTHER]
    folded = sum(each.visits for each in counts if each.value == OTHER)
    # One more row takes no more room than a row that says "1 more".
    shown = SHOWN if folded or len(named) > SHOWN + 1 else SHOWN + 1
    rest = folded + sum(each.visits for each in named[shown:])

    def share(counted: ValueCount) -> Share:
        return Share(
            name=name_of(dimension, counted.value),
            is_word=counted.value == UNKNOWN,
            visits=counted.visits,
            percent=100 * counted.visits / total,
            link=query.filter_link(dimension, counted.value) if can_filter else None,
        )

    return Panel(
        dimension.value,
        *HEADINGS[dimension],
        first=[share(each) for each in named[:shown]],
        rest=Share(_other(len(named[shown:]), is_more=bool(folded)), True, rest, 100 * rest / total) if rest else None,
        more=[share(each) for each in named[shown:]],
    )


def _other(count: int, *, is_more: bool) -> str:
    """The name of a rest of so many values. `is_more`: and of others that were not kept one by one."""
    if not count:
        return "Other"
    return f"Other (more than {count})" if is_more else f"Other ({count})"
