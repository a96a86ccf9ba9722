"""How a request gets the service of accounts."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.accounts.service import AccountService
from main_service.accounts.sign_in_limits import SignInLimits
from main_service.accounts.signed_links import SignedLinks
from main_service.accounts.token_service import ApiTokenService
from main_service.accounts.users import BearerTokensDep
from main_service.dependencies import ResourcesDep, SessionDep, SettingsDep
from main_service.web.client_address import Address, client_address


async def get_sign_in_limits(request: Request, settings: SettingsDep) -> SignInLimits:
    """One per process: while Redis is away it counts itself."""
    state = request.app.state
    if not hasattr(state, "sign_in_limits"):
        state.sign_in_limits = SignInLimits(settings.redis_url)
    limits: SignInLimits = state.sign_in_limits
    return limits


async def get_account_service(
    session: SessionDep,
    resources: ResourcesDep,
    tokens: BearerTokensDep,
    limits: Annotated[SignInLimits, Depends(get_sign_in_limits)],
) -> AccountService:
    return AccountService(
        session=session,
        passwords=resources.passwords,
        links=SignedLinks(resources.settings),
        tokens=tokens,
        limits=limits,
        public_url=resources.settings.public_url,
    )


AccountServiceDep = Annotated[AccountService, Depends(get_account_service)]


async def get_token_service(session: SessionDep) -> ApiTokenService:
    return ApiTokenService(session=session)


ApiTokenServiceDep = Annotated[ApiTokenService, Depends(get_token_service)]


async def get_client_address(request: Request, settings: SettingsDep) -> Address | None:
    return client_address(request, settings.trusted_proxies)


ClientAddressDep = Annotated[Address | None, Depends(get_client_address)]
