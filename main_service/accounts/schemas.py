"""What accounts look like on the wire, in and out."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from main_service.accounts.password_rules import MAX_LENGTH, PASSWORD_RULE
from main_service.accounts.registration import NewAccount

MAX_EMAIL_LENGTH = 254
USERNAME_RULE = "A user name has 3 to 30 letters, digits, hyphens or underscores and begins with a letter or digit."
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,29}")


def _email(email: str) -> str:
    """The address as it is written to, its host in lower case. Whether somebody reads it, a letter finds out."""
    try:
        # Names that are reserved for tests are taken too: whether a host exists is not asked here.
        valid = validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise PydanticCustomError("email_invalid", "This is not an e-mail address") from error
    # More mail servers take a host in punycode; where the name before it isn't ASCII, there is no such form.
    return valid.ascii_email or valid.normalized


def _plain(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("not_plain", "This may not hold line ends or control characters")
    return text


def _username(username: str) -> str:
    if not _USERNAME.fullmatch(username):
        raise PydanticCustomError("username_invalid", USERNAME_RULE)
    return username


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_EMAIL_LENGTH),
    AfterValidator(_email),
    Field(examples=["ada@example.org"], json_schema_extra={"format": "email"}),
]
Username = Annotated[str, AfterValidator(_username), Field(json_schema_extra={"pattern": f"^{_USERNAME.pattern}$"})]
Password = Annotated[str, StringConstraints(max_length=MAX_LENGTH), Field(json_schema_extra={"format": "password"})]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RegisterIn(_In):
    email: Email
    username: Username | None = Field(None, description=USERNAME_RULE)
    password: Password = Field(description=PASSWORD_RULE + ".")

    @property
    def new_account(self) -> NewAccount:
        return NewAccount(email=self.email, username=self.username, password=self.password)


class EmailIn(_In):
    email: Email


class TokenIn(_In):
    email: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=MAX_EMAIL_LENGTH), AfterValidator(_plain)
    ] = Field(description="The e-mail address, or the user name.")

    @field_validator("email")
    @classmethod
    def _as_registered(cls, name: str) -> str:
        """An address in the form that registering gives it."""
        try:
            return _email(name) if "@" in name else name
        except PydanticCustomError:
            return name

    password: Password


class RefreshIn(_In):
    refresh_token: Annotated[str, StringConstraints(max_length=4096)]


class ResetIn(_In):
    token: Annotated[str, StringConstraints(max_length=4096)]
    password: Password = Field(description=PASSWORD_RULE + ".")


class ChangePasswordIn(_In):
    password: Password = Field(description="The present one.")
    new_password: Password = Field(description=PASSWORD_RULE + ".")


class AccountChangeIn(_In):
    """What is not sent stays. `null` takes the user name away. A new address counts once it is confirmed."""

    username: Username | None = None
    email: Email | None = None
    password: Password | None = Field(None, description="The present one; needed to change the address.")
    counts_own_visits: bool | None = Field(None, description="Whether visits to my own entries count.")

    daily_report: bool | None = Field(
        None, description="Whether a letter is sent after each day that I had visits on, once my address is confirmed."
    )

    @field_validator("email", "counts_own_visits", "daily_report", mode="before")
    @classmethod
    def _refuse_null(cls, value: object) -> object:
        if value is None:
            raise PydanticCustomError("null", "This can't be taken away; leave it out to keep it")
        return value


class AccountDeleteIn(_In):
    password: Password
    entries: Literal["delete", "leave"] = Field(
        description="`delete` ends my entries; `leave` lets them live on as a guest's, but for private ones, "
        "which end too."
    )


class ApiTokenIn(_In):
    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_plain)
    ] = Field(description="So that you know later what it is for.")
    scopes: list[Literal["read", "write"]] = Field(["read", "write"], min_length=1, max_length=2)
    expires_at: AwareDatetime | None = Field(None, description="Default: it does not end by itself.")

    @field_validator("expires_at")
    @classmethod
    def _in_utc(cls, instant: datetime | None) -> datetime | None:
        try:
            return instant and instant.astimezone(UTC)
        except OverflowError as error:
            raise PydanticCustomError("instant_invalid", "This is beyond the last year") from error


class MessageOut(BaseModel):
    message: str


class TokenPairOut(BaseModel):
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = Field("bearer", description="Always bearer.")
    expires_in: int = Field(description="Seconds that the access token lasts.")

    @classmethod
    def lasting(cls, access_token: str, refresh_token: str, lifetime: timedelta) -> "TokenPairOut":
        return cls(
            access_token=access_token,
            refresh_token=refresh_token,
            token_type="bearer",  # noqa: S106 (a word of RFC 6750)
            expires_in=int(lifetime.total_seconds()),
        )


class AccountOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    username: str | None
    is_verified: bool = Field(description="Whether the address is confirmed.")
    is_superuser: bool
    registered_at: datetime
    counts_own_visits: bool = Field(description="Whether their visits to entries of their own count.")
    daily_report: bool = Field(description="Whether a letter is sent after each day that they had visits on.")


class WhoAmIOut(BaseModel):
    authenticated: bool
    user: AccountOut | None


class ApiTokenOut(BaseModel):
    id: UUID
    name: str
    scopes: list[Literal["read", "write"]]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")


class CreatedApiTokenOut(ApiTokenOut):
    token: str = Field(description="Begins with `slp_`; given only now.")
