"""A user's own account and API tokens, as JSON."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import Response

from main_service.accounts.account_guards import GivenPassword
from main_service.accounts.bearer_auth import AccountDep, SessionIdDep, SignedInDep
from main_service.accounts.dependencies import AccountFactoryDep
from main_service.accounts.errors import (
    AddressUnconfirmedError,
    CredentialsWrongError,
    EmailJustSentError,
    EmailUndeliverableError,
    SignInForbiddenError,
    TokenInvalidError,
    TooManyAttemptsError,
    TooManyEmailsError,
    TooManyTokensError,
    UsernameTakenError,
)
from main_service.accounts.models import ApiToken
from main_service.accounts.schemas import (
    AccountChangeIn,
    AccountOut,
    ApiTokenIn,
    ApiTokenOut,
    CreatedApiTokenOut,
)
from main_service.errors import DatabaseUnavailableError, NotFoundError, PasswordsBusyError, SignInRequiredError
from main_service.web.json_api import JsonRouter
from main_service.web.problems import InternalError

router = JsonRouter(
    prefix="/api/v1",
    tags=["accounts"],
    errors=[SignInRequiredError, TokenInvalidError, DatabaseUnavailableError, InternalError],
)


@router.get("/users/me", summary="Get my account")
async def get_me(account: AccountDep) -> AccountOut:
    return AccountOut.model_validate(account)


@router.patch(
    "/users/me",
    summary="Change my account",
    errors=[
        SignInForbiddenError,
        CredentialsWrongError,
        TooManyAttemptsError,
        PasswordsBusyError,
        UsernameTakenError,
        EmailUndeliverableError,
        EmailJustSentError,
        TooManyEmailsError,
        AddressUnconfirmedError,
    ],
)
async def change_me(
    change: AccountChangeIn,
    account: SignedInDep,
    session_id: SessionIdDep,
    factory: AccountFactoryDep,
) -> AccountOut:
    """A new email needs the password, and replaces the old one when the link that we send to it is opened. Asking for
    the same one again within five minutes is refused, as the link still works.
    """
    # Before any row is locked: locking reads it again.
    session_epoch = account.session_epoch
    if change.email is not None:
        given = GivenPassword(change.password or "", session_id)
        await factory.changes.ask_to_change_email(account.id, change.email, password=given)
    if "username" in change.model_fields_set:
        account = await factory.changes.change_username(account.id, change.username, session_epoch=session_epoch)
    if change.counts_own_visits is not None:
        account = await factory.changes.count_own_visits(
            account.id, counts=change.counts_own_visits, session_epoch=session_epoch
        )
    if change.daily_report is not None:
        account = await factory.changes.send_daily_report(
            account.id, is_sent=change.daily_report, session_epoch=session_epoch
        )
    return AccountOut.model_validate(account)


@router.post(
    "/tokens", status_code=201, summary="Create an API token", errors=[SignInForbiddenError, TooManyTokensError]
)
async def create_token(asked: ApiTokenIn, account: SignedInDep, factory: AccountFactoryDep) -> CreatedApiTokenOut:
    """Use it like an access token: `Authorization: Bearer slp_…`."""
    token, text = await factory.api_tokens.create(
        account.id,
        session_epoch=account.session_epoch,
        name=asked.name,
        may_write="write" in asked.scopes,
        expires_at=asked.ends_at(datetime.now(UTC)),
    )
    return CreatedApiTokenOut(**_token_out(token).model_dump(), token=text)


@router.get("/tokens", summary="List my API tokens", errors=[SignInForbiddenError])
async def list_tokens(account: SignedInDep, factory: AccountFactoryDep) -> list[ApiTokenOut]:
    return [_token_out(token) for token in await factory.api_tokens.list(account.id)]


@router.delete(
    "/tokens/{token_id}", status_code=204, summary="Delete an API token", errors=[SignInForbiddenError, NotFoundError]
)
async def delete_token(token_id: UUID, account: SignedInDep, factory: AccountFactoryDep) -> Response:
    await factory.api_tokens.delete(account.id, token_id)
    return Response(status_code=204)


def _token_out(token: ApiToken) -> ApiTokenOut:
    return ApiTokenOut(
        id=token.id,
        name=token.name,
        scopes=["read", "write"] if token.may_write else ["read"],
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
    )
