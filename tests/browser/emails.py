"""Reads the emails that wait for an address, while Playwright's event loop is running."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from tests.support.accounts import emails_to
from tests.support.database import connected
from tests.support.engines import Environment


def link_in_email(environment: Environment, email: str, template: str) -> str:
    """The address that the newest email from a template leads to."""

    async def read() -> list[tuple[str, dict[str, str]]]:
        async with connected(environment) as database:
            return await emails_to(database, email)

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(asyncio.run, read()).result()
    return [values["link"] for found, values in waiting if found == template][-1]
