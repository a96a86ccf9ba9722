"""How a page gets who asks, by the cookie of a session."""

from typing import Annotated

from fastapi import Depends

from main_service.accounts.page_users import PageAccountDep, ReaderIdDep
from main_service.dependencies import ResourcesDep, SessionDep
from main_service.entries.creating import EntryCreator
from main_service.entries.dependencies import LifetimePoliciesDep, creator_for
from main_service.entries.lifetimes import LifetimePolicy
from main_service.entries.rights import Asker


async def get_reading_asker(reader_id: ReaderIdDep) -> Asker:
    return Asker(account_id=reader_id)


ReadingAskerDep = Annotated[Asker, Depends(get_reading_asker)]


async def get_page_creator(
    account: PageAccountDep, session: SessionDep, resources: ResourcesDep, policies: LifetimePoliciesDep
) -> EntryCreator:
    return creator_for(account, session, resources, policies)


PageCreatorDep = Annotated[EntryCreator, Depends(get_page_creator)]


async def get_page_policy(account: PageAccountDep, policies: LifetimePoliciesDep) -> LifetimePolicy:
    return policies.of(account.id if account else None)


PagePolicyDep = Annotated[LifetimePolicy, Depends(get_page_policy)]
"""Of the entries that who asks would make."""
