"""What the command `create-superuser` does. It opens resources of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from main_service.accounts.administration import AccountAdministration
from main_service.accounts.factory import AccountFactory, AccountResources
from main_service.accounts.schemas import EmailIn, RegisterIn
from main_service.resources import open_resources
from main_service.settings import Settings
from main_service.web.forms import parse


async def create(settings: Settings, *, email: str, username: str | None, password: str) -> None:
    """Create a superuser's account.

    Raises:
        AppError: an input is refused; its message or those of its fields say why.
    """
    asked = parse(RegisterIn, {"email": email, "username": username, "password": password})
    async with _administration(settings) as administration:
        await administration.create_superuser(asked.new_account)


async def promote(settings: Settings, email: str) -> None:
    """Make the account with this email a superuser's.

    Raises:
        AppError: an input is refused; its message or those of its fields say why.
    """
    asked = parse(EmailIn, {"email": email})
    async with _administration(settings) as administration:
        await administration.promote(asked.email)


@asynccontextmanager
async def _administration(settings: Settings) -> AsyncIterator[AccountAdministration]:
    """The service, in a transaction that is committed at the end."""
    async with open_resources(settings, for_task=True) as resources, resources.sessions() as session:
        yield AccountFactory(AccountResources(resources), session).administration
        await session.commit()
