"""Serializes statistics for the JSON API."""

from main_service.entries.serializers import entry_out, qr_url
from main_service.statistics.leaderboard import Period, Rank
from main_service.statistics.schemas import (
    BeforeImportOut,
    HistoryOut,
    ImportedMonthOut,
    MomentOut,
    OwnStatisticsOut,
    StatisticsOut,
    TopItemOut,
    TopOut,
    ValueOut,
)
from main_service.statistics.service import History, Summary
from main_service.statistics.storage import OwnTotals
from main_service.statistics.time_ranges import Step
from main_service.visits.models import Dimension


def statistics_out(summary: Summary, public_url: str) -> StatisticsOut:
    def values(dimension: Dimension) -> list[ValueOut]:
        return [ValueOut(value=each.value, visits=each.visits) for each in summary.values[dimension]]

    entry, counts = summary.entry, summary.counts
    return StatisticsOut(
        key=entry.key,
        kind=entry.kind,
        original_url=entry.original_url,
        qr_url=None if entry.has_ended else qr_url(public_url, entry.key),
        created_at=entry.created_at,
        last_visit_at=entry.last_visit_at,
        imported_visit_count=entry.imported_visit_count,
        before_import=_before_import(summary),
        visit_count=counts.people,
        bot_count=counts.bots,
        unique_visitors=counts.day_visitors,
        countries=values(Dimension.COUNTRY),
        devices=values(Dimension.DEVICE),
        browsers=values(Dimension.BROWSER),
        systems=values(Dimension.OS),
        languages=values(Dimension.LANGUAGE),
        referrers=values(Dimension.REFERRER),
    )


def _before_import(summary: Summary) -> BeforeImportOut | None:
    entry, months = summary.entry, summary.imported
    if not entry.has_imported_visits:
        return None
    return BeforeImportOut(
        visit_count=entry.imported_visit_count,
        bot_count=entry.imported_bot_count,
        first_day=min((each.first_day for each in months), default=None),
        last_day=max((each.last_day for each in months), default=None),
        months=[
            ImportedMonthOut(
                month=each.month, visit_count=each.people, bot_count=each.bots, unique_visitors=each.visitors
            )
            for each in months
        ],
    )


def history_out(history: History, *, step: Step, timezone: str) -> HistoryOut:
    return HistoryOut(
        key=history.entry.key,
        by=step,
        timezone=timezone,
        first=history.days.first,
        last=history.days.last,
        items=[
            MomentOut(start=each.start_at, visit_count=each.people, bot_count=each.bots) for each in history.buckets
        ],
    )


def own_out(counts: OwnTotals) -> OwnStatisticsOut:
    return OwnStatisticsOut(
        entries=counts.entries,
        live_entries=counts.live_entries,
        visit_count=counts.people,
        bot_count=counts.bots,
        last_visit_at=counts.last_visit_at,
    )


def top_out(period: Period, ranks: list[Rank], public_url: str) -> TopOut:
    """The leaderboard. Clients that manage an entry also see only what others see of it."""
    items = [
        TopItemOut(
            entry=entry_out(each.entry, public_url, to_manager=False), visitors=each.visitors, visits=each.visits
        )
        for each in ranks
    ]
    return TopOut(period=period, items=items)
