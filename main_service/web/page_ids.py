"""Ids in the addresses of pages: what is none leads nowhere, as an id of nothing does."""

from uuid import UUID

from main_service.errors import NotFoundError


def read_id(text: str) -> UUID:
    """Raises:
    NotFoundError: this is no id.
    """
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFoundError from error
