"""Registering, signing in and out, and passwords, as JSON."""

import json
from typing import Any

from fastapi import Request, Response
from pydantic import ValidationError

from main_service.accounts.account_guards import GivenPassword
from main_service.accounts.bearer_auth import CurrentAccountDep, SessionIdDep, SignedInDep
from main_service.accounts.dependencies import AccountFactoryDep
from main_service.accounts.emails import AT_MAX_ONE, in_constant_time
from main_service.accounts.errors import (
    AccountDisabledError,
    CredentialsWrongError,
    EmailUndeliverableError,
    LinkInvalidError,
    SignInForbiddenError,
    TokenInvalidError,
    TooManyAttemptsError,
    TooManyEmailsError,
    TooManyRegistrationsError,
    UsernameTakenError,
)
from main_service.accounts.jwt_tokens import TokenPair
from main_service.accounts.schemas import (
    AccountOut,
    ChangePasswordIn,
    EmailIn,
    MessageOut,
    RefreshIn,
    RegisterIn,
    ResetIn,
    TokenIn,
    TokenPairOut,
    WhoAmIOut,
)
from main_service.dependencies import SessionDep, SettingsDep
from main_service.errors import DatabaseUnavailableError, InvalidInputError, PasswordsBusyError, SignInRequiredError
from main_service.web.bodies.form import read_form
from main_service.web.json_api import JsonRouter
from main_service.web.problems import InternalError, field_errors

router = JsonRouter(prefix="/api/v1/auth", tags=["accounts"], errors=[DatabaseUnavailableError, InternalError])
_SIGNED_IN = (SignInRequiredError, TokenInvalidError, SignInForbiddenError)

CONFIRM_SENT = f"Open the link in the email we send to confirm it. {AT_MAX_ONE}"
IF_THERE_IS_ONE = f"If this email has an account, we send it an email. {AT_MAX_ONE}"

_TOKEN_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": TokenIn.model_json_schema()},
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["username", "password"],
                    "properties": {
                        "username": {"type": "string", "description": "Email or username."},
                        "password": {"type": "string", "format": "password"},
                    },
                }
            },
        },
    }
}


@router.post(
    "/register",
    status_code=201,
    summary="Register",
    errors=[UsernameTakenError, EmailUndeliverableError, TooManyRegistrationsError, PasswordsBusyError],
)
async def register(registration: RegisterIn, settings: SettingsDep, factory: AccountFactoryDep) -> MessageOut:
    """The answer is the same if the email already has an account; its owner is told by email. A username that is taken
    is refused either way.
    """
    await factory.registration.register(registration.new_account)
    return MessageOut(message=f"{CONFIRM_SENT} {settings.email_notice}".rstrip())


@router.get("/verify/{token}", summary="Confirm an email", errors=[LinkInvalidError])
async def verify(token: str, factory: AccountFactoryDep) -> MessageOut:
    """`token` is the last part of the link in the email. Repeating it changes nothing. Browsers get a page with a
    button instead: `/verify/{token}`.
    """
    await factory.registration.confirm(token)
    return MessageOut(message="The email is confirmed.")


@router.head("/verify/{token}", include_in_schema=False)
async def check_verify(token: str, factory: AccountFactoryDep) -> Response:
    """Whether the link still works. Nothing is confirmed."""
    await factory.registration.preview_confirmation(token)
    return Response(media_type="application/json")


@router.post(
    "/verify/resend", status_code=202, summary="Send the confirmation email again", errors=[TooManyEmailsError]
)
async def resend(asked: EmailIn, session: SessionDep, settings: SettingsDep, factory: AccountFactoryDep) -> MessageOut:
    async with in_constant_time(session):
        await factory.registration.resend_confirmation(asked.email)
    return MessageOut(message=f"{IF_THERE_IS_ONE} {settings.email_notice}".rstrip())


@router.post(
    "/token",
    summary="Sign in",
    openapi_extra=_TOKEN_BODY,
    errors=[CredentialsWrongError, AccountDisabledError, TooManyAttemptsError, PasswordsBusyError],
)
async def sign_in(request: Request, factory: AccountFactoryDep) -> TokenPairOut:
    """As JSON, or as the password form of OAuth2, whose `username` may be the email."""
    asked = await _read_token_in(request)
    account = await factory.sessions.sign_in(asked.email, asked.password)
    return _pair_out(factory.sessions.start(account))


@router.post("/refresh", summary="Refresh my tokens", errors=[TokenInvalidError])
async def refresh(asked: RefreshIn, factory: AccountFactoryDep) -> TokenPairOut:
    return _pair_out(await factory.sessions.refresh(asked.refresh_token))


@router.post("/logout", status_code=204, summary="Sign out", errors=_SIGNED_IN)
async def logout(_: SignedInDep, session_id: SessionIdDep, factory: AccountFactoryDep) -> Response:
    """Ends this session: the access token and all refresh tokens of the same sign-in."""
    await factory.sessions.revoke(session_id)
    return Response(status_code=204)


@router.post("/logout-everywhere", status_code=204, summary="Sign out everywhere", errors=_SIGNED_IN)
async def logout_everywhere(account: SignedInDep, factory: AccountFactoryDep) -> Response:
    """API tokens stay; delete them one by one."""
    await factory.sessions.revoke_all(account.id, session_epoch=account.session_epoch)
    return Response(status_code=204)


@router.post("/forgot-password", status_code=202, summary="Request a password reset", errors=[TooManyEmailsError])
async def forgot_password(
    asked: EmailIn, session: SessionDep, settings: SettingsDep, factory: AccountFactoryDep
) -> MessageOut:
    async with in_constant_time(session):
        await factory.changes.forgot_password(asked.email)
    return MessageOut(message=f"{IF_THERE_IS_ONE} {settings.email_notice}".rstrip())


@router.post(
    "/reset-password", status_code=204, summary="Reset my password", errors=[LinkInvalidError, PasswordsBusyError]
)
async def reset_password(asked: ResetIn, factory: AccountFactoryDep) -> Response:
    """Ends all sessions and API tokens."""
    await factory.changes.reset_password(asked.token, asked.password)
    return Response(status_code=204)


@router.post(
    "/change-password",
    summary="Change my password",
    errors=[CredentialsWrongError, TooManyAttemptsError, *_SIGNED_IN, PasswordsBusyError],
)
async def change_password(
    asked: ChangePasswordIn,
    account: SignedInDep,
    session_id: SessionIdDep,
    factory: AccountFactoryDep,
) -> TokenPairOut:
    """Ends all sessions and API tokens; the response has new tokens."""
    given = GivenPassword(asked.password, session_id)
    changed = await factory.changes.change_password(account.id, password=given, new_password=asked.new_password)
    return _pair_out(factory.sessions.start(changed))


@router.get("/whoami", summary="Who am I", errors=[TokenInvalidError])
async def who_am_i(account: CurrentAccountDep) -> WhoAmIOut:
    """For guests and users alike."""
    user = AccountOut.model_validate(account) if account else None
    return WhoAmIOut(authenticated=account is not None, user=user)


async def _read_token_in(request: Request) -> TokenIn:
    try:
        if "form" in request.headers.get("content-type", ""):
            fields = await read_form(request)
            names = {"username": "email", "password": "password"}
            return TokenIn(**{names[field]: value for field, value in fields.items() if field in names})
        return TokenIn.model_validate(await request.json())
    except json.JSONDecodeError as error:
        raise InvalidInputError("The body is neither JSON nor a form.") from error
    except ValidationError as error:
        raise InvalidInputError(fields=field_errors(error.errors())) from error


def _pair_out(pair: TokenPair) -> TokenPairOut:
    return TokenPairOut.lasting(pair.access_token, pair.refresh_token, pair.expires_in)
