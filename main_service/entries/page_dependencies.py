"""How a page gets who asks, by the cookie of a session."""

from typing import Annotated

from fastapi import Depends

from main_service.accounts.page_users import ReaderDep
from main_service.entries.rights import Asker


async def get_reading_asker(reader: ReaderDep) -> Asker:
    if reader is None:
        return Asker()
    return Asker(account_id=reader.account_id, counts_own_visits=reader.counts_own_visits)


ReadingAskerDep = Annotated[Asker, Depends(get_reading_asker)]
