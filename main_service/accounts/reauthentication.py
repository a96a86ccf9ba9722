"""Accounts that stand: what they may, locked for a change, and what ends their sessions."""

from uuid import UUID

from main_service.accounts import storage
from main_service.accounts.models import Account
from main_service.database import Session
from main_service.errors import AddressUnconfirmedError, LinkInvalidError, TokenInvalidError
from main_service.settings import Settings


async def lock(session: Session, account_id: UUID, *, session_epoch: int | None = None) -> Account:
    """The account, locked until the transaction ends.

    `session_epoch`: as it was when the request was let in; a session that was ended since does nothing more.

    Raises:
        TokenInvalidError: it stands no more, or the session was ended.
    """
    account = await storage.find_for_update(session, account_id)
    if account is None or not account.is_open:
        raise TokenInvalidError
    if session_epoch is not None and account.session_epoch != session_epoch:
        raise TokenInvalidError
    return account


async def get_by_claim(session: Session, account_id: str) -> Account:
    """The account that a link of a letter names.

    Raises:
        LinkInvalidError: it is no id, or the account stands no more.
    """
    try:
        account = await storage.find(session, UUID(account_id))
    except ValueError as error:
        raise LinkInvalidError from error
    if account is None or not account.is_open:
        raise LinkInvalidError
    return account


async def end_sessions(session: Session, account: Account) -> None:
    """End all sessions and API tokens."""
    await storage.change(session, account, {"session_epoch": account.session_epoch + 1})
    await storage.delete_tokens(session, account.id)


def require_confirmed(account: Account, settings: Settings) -> None:
    """Let pass who may create entries.

    Raises:
        AddressUnconfirmedError: the address has to be confirmed first, and is not.
    """
    if settings.require_verified and not account.is_verified:
        raise AddressUnconfirmedError
