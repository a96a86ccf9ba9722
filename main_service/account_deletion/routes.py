"""Deletes the account of the user, as JSON."""

from fastapi import Response

from main_service.account_deletion.dependencies import AccountDeletionFactoryDep
from main_service.accounts.account_guards import GivenPassword
from main_service.accounts.bearer_auth import SessionIdDep, SignedInDep
from main_service.accounts.errors import (
    CredentialsWrongError,
    SignInForbiddenError,
    TokenInvalidError,
    TooManyAttemptsError,
)
from main_service.accounts.schemas import AccountDeleteIn
from main_service.errors import DatabaseUnavailableError, PasswordsBusyError, SignInRequiredError
from main_service.web.json_api import JsonRouter
from main_service.web.problems import InternalError

router = JsonRouter(
    prefix="/api/v1",
    tags=["accounts"],
    errors=[
        CredentialsWrongError,
        DatabaseUnavailableError,
        InternalError,
        PasswordsBusyError,
        SignInForbiddenError,
        SignInRequiredError,
        TokenInvalidError,
        TooManyAttemptsError,
    ],
)


@router.delete("/users/me", status_code=204, summary="Delete my account")
async def delete_me(
    asked: AccountDeleteIn,
    account: SignedInDep,
    session_id: SessionIdDep,
    factory: AccountDeletionFactoryDep,
) -> Response:
    """For good, with its API tokens and collections. Its entries end with it, or live on as a guest's."""
    given = GivenPassword(asked.password, session_id)
    await factory.deletion.delete(account.id, password=given, keeps_entries=asked.entries == "leave")
    return Response(status_code=204)
