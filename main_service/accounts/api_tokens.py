"""API tokens, which users create for their programs: shown once, stored as a hash, listed and deleted by the user."""

import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID, uuid4

from main_service.accounts import storage
from main_service.accounts.errors import TokenInvalidError, TooManyTokensError
from main_service.accounts.models import ApiToken
from main_service.engines.postgres import Session
from main_service.errors import FieldError, InvalidInputError, NotFoundError

PREFIX = "slp_"
"""Lets scanners for leaked secrets recognise API tokens."""
_TOKEN = re.compile(r"slp_[A-Za-z0-9_-]{43}")


def new_token() -> str:
    """The text of a new API token, with 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def is_api_token(token: str) -> bool:
    """Whether a bearer token looks like an API token rather than a JWT."""
    return token.startswith(PREFIX)


def hash_token(token: str) -> bytes | None:
    """The SHA-256 of an API token; None if it does not look like one."""
    return sha256(token.encode()).digest() if _TOKEN.fullmatch(token) else None


MAX_TOKENS = 100
"""The most API tokens of an account."""


class ApiTokenService:
    """Creates, lists and deletes the API tokens of an account. Its callers know that its user asks."""

    def __init__(self, *, session: Session) -> None:
        self._session = session

    async def create(
        self, account_id: UUID, *, session_epoch: int, name: str, may_write: bool, expires_at: datetime | None
    ) -> tuple[ApiToken, str]:
        """A new token, and its text, which can't be shown again.

        `session_epoch`: the account's when the request was authenticated. `expires_at`: None: never.

        Raises:
            InvalidInputError: `expires_at` has passed.
            TokenInvalidError: the sessions were revoked, or the account disabled or deleted, since the request came.
            TooManyTokensError: the account has `MAX_TOKENS` already.
        """
        now = datetime.now(UTC)
        if expires_at is not None and expires_at <= now:
            raise InvalidInputError(fields=[FieldError("expires_at", "expiry_past", "This is in the past.")])
        # The row is locked, so that two requests at once are counted one after the other, and none slips past a reset.
        account = await storage.find_for_update(self._session, account_id)
        if account is None or not account.is_open or account.session_epoch != session_epoch:
            raise TokenInvalidError
        if await storage.count_tokens(self._session, account_id) >= MAX_TOKENS:
            raise TooManyTokensError
        text = new_token()
        token_hash = hash_token(text)
        assert token_hash is not None
        token = ApiToken(
            id=uuid4(),
            account_id=account_id,
            name=name,
            token_hash=token_hash,
            may_write=may_write,
            created_at=now,
            expires_at=expires_at,
            last_used_at=None,
        )
        await storage.create_token(self._session, token)
        return token, text

    async def has(self, account_id: UUID, text: str) -> bool:
        """Whether this is the text of a token of the account that has not expired."""
        token_hash = hash_token(text)
        found = await storage.find_token(self._session, token_hash) if token_hash else None
        return found is not None and found[1].id == account_id

    async def list(self, account_id: UUID) -> Sequence[ApiToken]:
        """The API tokens of an account, newest first."""
        return await storage.list_tokens(self._session, account_id)

    async def delete(self, account_id: UUID, token_id: UUID) -> None:
        """Delete a token; requests with it are refused at once.

        Raises:
            NotFoundError: the account has no such token.
        """
        if not await storage.delete_token(self._session, account_id, token_id):
            raise NotFoundError
