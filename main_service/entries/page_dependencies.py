"""How a page gets who asks, by the cookie of a session."""

from typing import Annotated

from fastapi import Depends

from main_service.accounts.page_users import ReaderIdDep
from main_service.entries.rights import Asker


async def get_reading_asker(reader_id: ReaderIdDep) -> Asker:
    return Asker(account_id=reader_id)


ReadingAskerDep = Annotated[Asker, Depends(get_reading_asker)]
