"""The JSON API of statistics."""

from typing import Annotated

from fastapi import Query

from main_service.accounts.bearer_auth import FOR_GUESTS_TOO, AccountDep, CurrentAccountDep
from main_service.accounts.errors import TokenInvalidError
from main_service.entries.dependencies import ActorDep
from main_service.entries.errors import ManageTokenMissingError, ManageTokenWrongError, NotOwnerError
from main_service.errors import (
    DatabaseUnavailableError,
    EntryEndedError,
    NotFoundError,
    SignInRequiredError,
    TooManyRequestsError,
    TooManyUnknownKeysError,
)
from main_service.statistics.dependencies import StatisticsFactoryDep
from main_service.statistics.schemas import (
    HistoryIn,
    HistoryOut,
    OwnStatisticsOut,
    RangeIn,
    StatisticsOut,
    TopIn,
    TopOut,
)
from main_service.statistics.serializers import history_out, own_out, statistics_out, top_out
from main_service.web.json_api import JsonRouter
from main_service.web.problems import InternalError

router = JsonRouter(
    prefix="/api/v1",
    tags=["statistics"],
    errors=[SignInRequiredError, TokenInvalidError, TooManyRequestsError, DatabaseUnavailableError, InternalError],
)

_OF_ENTRY = (
    NotFoundError,
    TooManyUnknownKeysError,
    EntryEndedError,
    ManageTokenMissingError,
    ManageTokenWrongError,
    NotOwnerError,
)


@router.get(
    "/entries/{key}/stats",
    summary="Get the statistics of an entry",
    openapi_extra=FOR_GUESTS_TOO,
    errors=_OF_ENTRY,
)
async def get_statistics(
    key: str, asked: Annotated[RangeIn, Query()], actor: ActorDep, factory: StatisticsFactoryDep
) -> StatisticsOut:
    """For its owner, for anyone with the manage token of a guest's entry, and for everyone if its owner shows them.

    Those who manage it still see them after it has ended, until it is cleared.
    """
    entry = await factory.statistics.open(key, actor)
    summary = await factory.statistics.summarise(entry, first=asked.first, last=asked.last)
    return statistics_out(summary, factory.public_url)


@router.get(
    "/entries/{key}/history",
    summary="Get the visits to an entry by hour, day or month",
    openapi_extra=FOR_GUESTS_TOO,
    errors=_OF_ENTRY,
)
async def get_history(
    key: str, asked: Annotated[HistoryIn, Query()], actor: ActorDep, factory: StatisticsFactoryDep
) -> HistoryOut:
    """For the same people. Steps without visits are there too."""
    entry = await factory.statistics.open(key, actor)
    history = await factory.statistics.list_history(
        entry, step=asked.by, timezone=asked.timezone, first=asked.first, last=asked.last
    )
    return history_out(history, step=asked.by, timezone=asked.timezone)


@router.get("/stats/me", summary="Get the totals of my entries")
async def get_own_statistics(account: AccountDep, factory: StatisticsFactoryDep) -> OwnStatisticsOut:
    return own_out(await factory.statistics.get_own_totals(account.id))


@router.get(
    "/stats/top",
    summary="List the most visited public entries",
    openapi_extra=FOR_GUESTS_TOO,
    errors=[NotFoundError],
)
async def list_most_visited(
    asked: Annotated[TopIn, Query()], account: CurrentAccountDep, factory: StatisticsFactoryDep
) -> TopOut:
    """Everybody's, as they are now, by different visitors. Ranked every minute.

    Whether guests may see them, or users only, the operator of the service decides.
    """
    ranks = await factory.leaderboard.list_top(asked.period, is_user=account is not None)
    return top_out(asked.period, ranks, factory.public_url)
