"""How a request gets the services of accounts."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.accounts.account_guards import Reauthenticator
from main_service.accounts.api_tokens import ApiTokenService
from main_service.accounts.changes import AccountChanger, AccountDeleter
from main_service.accounts.emails import AccountEmails, EmailAllowance, EmailLimits
from main_service.accounts.jwt_tokens import JwtTokens
from main_service.accounts.registration import AccountRegistrar
from main_service.accounts.sign_in import SessionService
from main_service.accounts.sign_in_limits import PasswordCheck, SignInLimits
from main_service.accounts.signed_links import SignedLinks
from main_service.dependencies import SessionDep, resources_of
from main_service.mail.recipients import Recipients
from main_service.web.client_address import Address
from main_service.web.proxy_watch import limited_address


async def get_sign_in_limits(request: Request) -> SignInLimits:
    limits: SignInLimits = request.app.state.sign_in_limits
    return limits


SignInLimitsDep = Annotated[SignInLimits, Depends(get_sign_in_limits)]


async def get_password_check(request: Request, limits: SignInLimitsDep) -> PasswordCheck:
    return PasswordCheck(password_hasher=resources_of(request).password_hasher, limits=limits)


PasswordCheckDep = Annotated[PasswordCheck, Depends(get_password_check)]


async def get_links(request: Request) -> SignedLinks:
    return SignedLinks(resources_of(request).settings)


SignedLinksDep = Annotated[SignedLinks, Depends(get_links)]


async def get_email_allowance(request: Request) -> EmailAllowance:
    limits: EmailLimits = request.app.state.email_limits
    return limits.of(limited_address(request))


EmailAllowanceDep = Annotated[EmailAllowance, Depends(get_email_allowance)]


async def get_account_emails(request: Request, session: SessionDep, allowance: EmailAllowanceDep) -> AccountEmails:
    settings = resources_of(request).settings
    return AccountEmails(
        session=session, links=SignedLinks(settings), allowance=allowance, public_url=settings.public_url
    )


AccountEmailsDep = Annotated[AccountEmails, Depends(get_account_emails)]


def recipients_of(request: Request) -> Recipients:
    recipients: Recipients = request.app.state.recipients
    return recipients


async def get_registrar(
    request: Request,
    session: SessionDep,
    links: SignedLinksDep,
    emails: AccountEmailsDep,
    allowance: EmailAllowanceDep,
) -> AccountRegistrar:
    return AccountRegistrar(
        session=session,
        password_hasher=resources_of(request).password_hasher,
        links=links,
        emails=emails,
        recipients=recipients_of(request),
        allowance=allowance,
    )


AccountRegistrarDep = Annotated[AccountRegistrar, Depends(get_registrar)]


async def get_session_service(
    request: Request, session: SessionDep, password_check: PasswordCheckDep, limits: SignInLimitsDep
) -> SessionService:
    tokens = JwtTokens(resources_of(request).settings)
    return SessionService(session=session, password_check=password_check, tokens=tokens, limits=limits)


SessionServiceDep = Annotated[SessionService, Depends(get_session_service)]


async def get_reauthenticator(
    session: SessionDep, password_check: PasswordCheckDep, limits: SignInLimitsDep
) -> Reauthenticator:
    return Reauthenticator(session=session, password_check=password_check, limits=limits)


ReauthenticatorDep = Annotated[Reauthenticator, Depends(get_reauthenticator)]


async def get_change_service(
    request: Request,
    session: SessionDep,
    reauthenticator: ReauthenticatorDep,
    links: SignedLinksDep,
    emails: AccountEmailsDep,
    limits: SignInLimitsDep,
    allowance: EmailAllowanceDep,
) -> AccountChanger:
    return AccountChanger(
        session=session,
        password_hasher=resources_of(request).password_hasher,
        reauthenticator=reauthenticator,
        links=links,
        emails=emails,
        limits=limits,
        recipients=recipients_of(request),
        allowance=allowance,
    )


AccountChangerDep = Annotated[AccountChanger, Depends(get_change_service)]


async def get_account_deleter(session: SessionDep, reauthenticator: ReauthenticatorDep) -> AccountDeleter:
    return AccountDeleter(session=session, reauthenticator=reauthenticator)


AccountDeleterDep = Annotated[AccountDeleter, Depends(get_account_deleter)]


async def get_token_service(session: SessionDep) -> ApiTokenService:
    return ApiTokenService(session=session)


ApiTokenServiceDep = Annotated[ApiTokenService, Depends(get_token_service)]


async def get_client_address(request: Request) -> Address | None:
    return limited_address(request)


ClientAddressDep = Annotated[Address | None, Depends(get_client_address)]
"""By which failures are limited; None: the client can't be told from others."""
