"""The accounts of others, for superusers, as JSON."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from main_service.accounts.bearer_auth import SUPERUSER_REFUSALS, SuperuserDep
from main_service.accounts.dependencies import AccountFactoryDep
from main_service.accounts.errors import OwnAccountError
from main_service.accounts.schemas import AccountOut, Email, Username
from main_service.errors import NotFoundError
from main_service.web.json_api import JsonRouter

router = JsonRouter(prefix="/api/v1/admin/accounts", tags=["administration"], errors=SUPERUSER_REFUSALS)


class WantedAccount(BaseModel):
    """The account to find: by email or by username."""

    model_config = ConfigDict(extra="forbid")

    email: Email | None = None
    username: Username | None = None

    @model_validator(mode="after")
    def _by_one(self) -> Self:
        if (self.email is None) == (self.username is None):
            raise PydanticCustomError("one_needed", "Ask by either email or username")
        return self


class AdminAccountOut(AccountOut):
    is_active: bool = Field(description="False: disabled.")


@router.get("", summary="Find an account")
async def list_accounts(
    wanted: Annotated[WantedAccount, Query()], _: SuperuserDep, factory: AccountFactoryDep
) -> list[AdminAccountOut]:
    """Give the complete email or username, in any case. At most one account matches."""
    found = await factory.administration.list(email=wanted.email, username=wanted.username)
    return [AdminAccountOut.model_validate(account) for account in found]


@router.post(
    "/{account_id}/disable", status_code=204, summary="Disable an account", errors=[NotFoundError, OwnAccountError]
)
async def disable_account(account_id: UUID, asker: SuperuserDep, factory: AccountFactoryDep) -> Response:
    """Ends its sessions and refuses sign-ins. Its API tokens don't work until it is enabled."""
    await factory.administration.disable(account_id, asker_id=asker.id, asker_epoch=asker.session_epoch)
    return Response(status_code=204)


@router.post("/{account_id}/enable", status_code=204, summary="Enable an account", errors=[NotFoundError])
async def enable_account(account_id: UUID, asker: SuperuserDep, factory: AccountFactoryDep) -> Response:
    await factory.administration.enable(account_id, asker_id=asker.id, asker_epoch=asker.session_epoch)
    return Response(status_code=204)
