"""What the command `create-superuser` does, with resources of its own."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from main_service.accounts import administration
from main_service.accounts.errors import EmailUndeliverableError
from main_service.accounts.schemas import EmailIn, RegisterIn
from main_service.errors import InvalidInputError
from main_service.mail.messages import mail_host
from main_service.mail.recipients import Recipients
from main_service.resources import open_resources
from main_service.settings import Settings
from main_service.web.problems import field_errors

Shape = TypeVar("Shape", bound=BaseModel)


async def create(settings: Settings, *, email: str, username: str | None, password: str) -> None:
    """Create a superuser's account.

    Raises:
        AppError: it can't be done; the sentences of its fields say why.
    """
    asked = _parse(RegisterIn, email=email, username=username, password=password)
    recipients = Recipients(settings.smtp_url, our_host=mail_host(settings.public_url))
    if not await recipients.can_be_sent_to(asked.email):
        raise EmailUndeliverableError
    async with open_resources(settings, for_task=True) as resources, resources.sessions() as session:
        await administration.create_superuser(
            session, resources.password_hasher, email=asked.email, username=asked.username, password=asked.password
        )
        await session.commit()


async def promote(settings: Settings, email: str) -> None:
    """Make a superuser of the account that an address has.

    Raises:
        AppError: as `create`.
    """
    asked = _parse(EmailIn, email=email)
    async with open_resources(settings, for_task=True) as resources, resources.sessions() as session:
        await administration.promote(session, asked.email)
        await session.commit()


def _parse(shape: type[Shape], **fields: str | None) -> Shape:
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        # Not as its cause, which would show the password.
        raise InvalidInputError(fields=field_errors(error.errors())) from None
