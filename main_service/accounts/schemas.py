"""The JSON of accounts, in requests and responses."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from main_service.accounts.credential_rules import (
    MAX_EMAIL_LENGTH,
    MAX_PASSWORD_LENGTH,
    PASSWORD_RULE,
    USERNAME,
    is_username,
    parse_email,
    parse_new_email,
)
from main_service.accounts.registration import NewAccount
from main_service.errors import FieldError, InvalidInputError
from main_service.web.durations import Duration

USERNAME_RULE = "A username has 3 to 30 letters, digits, hyphens or underscores, and begins with a letter or digit."


def _email_by(parse: Callable[[str], str]) -> Callable[[str], str]:
    def parsed(text: str) -> str:
        try:
            return parse(text)
        except ValueError as error:
            raise PydanticCustomError("email_invalid", "This isn't an email address") from error

    return parsed


def _plain(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("not_plain", "This can't contain line breaks or control characters")
    return text


def _username(username: str) -> str:
    if not is_username(username):
        raise PydanticCustomError("username_invalid", USERNAME_RULE)
    return username


_EmailText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_EMAIL_LENGTH),
    Field(examples=["ada@example.org"], json_schema_extra={"format": "email"}),
]
Email = Annotated[_EmailText, AfterValidator(_email_by(parse_email))]
NewEmail = Annotated[_EmailText, AfterValidator(_email_by(parse_new_email))]
"""An email that an account may get. Existing accounts may have emails that break its newer rules."""
Username = Annotated[str, AfterValidator(_username), Field(json_schema_extra={"pattern": f"^{USERNAME.pattern}$"})]
Password = Annotated[
    str, StringConstraints(max_length=MAX_PASSWORD_LENGTH), Field(json_schema_extra={"format": "password"})
]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RegisterIn(_In):
    email: NewEmail
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
    ] = Field(description="Email or username.")

    @field_validator("email")
    @classmethod
    def _as_registered(cls, name: str) -> str:
        """An email in the form in which it was registered."""
        try:
            return parse_email(name) if "@" in name else name
        except ValueError:
            return name

    password: Password


class RefreshIn(_In):
    refresh_token: Annotated[str, StringConstraints(max_length=4096)]


class ResetIn(_In):
    token: Annotated[str, StringConstraints(max_length=4096)]
    password: Password = Field(description=PASSWORD_RULE + ".")


class ChangePasswordIn(_In):
    password: Password = Field(description="The current one.")
    new_password: Password = Field(description=PASSWORD_RULE + ".")


class AccountChangeIn(_In):
    """Fields that are left out stay the same. `null` removes the username. A new email counts once it is confirmed."""

    username: Username | None = None
    email: NewEmail | None = None
    password: Password | None = Field(
        None, validate_default=True, description="The current one; needed to change the email."
    )
    counts_own_visits: bool | None = Field(None, description="Whether visits to my own entries count.")

    daily_report: bool | None = Field(
        None,
        description="Whether I get an email after each day with visits; needs a confirmed email.",
    )

    @field_validator("password")
    @classmethod
    def _require_for_email(cls, password: str | None, info: ValidationInfo) -> str | None:
        if password is None and info.data.get("email") is not None:
            raise PydanticCustomError("missing", "To change the email, send the current password")
        return password

    @field_validator("email", "counts_own_visits", "daily_report", mode="before")
    @classmethod
    def _refuse_null(cls, value: object) -> object:
        if value is None:
            raise PydanticCustomError("null", "This can't be null; leave it out to keep it")
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
    ] = Field(description="To remember what it's for.")
    scopes: list[Literal["read", "write"]] = Field(["read", "write"], min_length=1, max_length=2)
    expires_at: AwareDatetime | None = Field(None, description="Default: it never expires.")
    expires_in: Duration | None = Field(
        None,
        description="Lifetime from now instead: seconds, or a duration such as `90d` or in ISO 8601.",
        examples=["90d"],
    )

    @model_validator(mode="after")
    def _refuse_both(self) -> "ApiTokenIn":
        if self.expires_at is not None and self.expires_in is not None:
            raise PydanticCustomError("expiry_twice", "Give expires_at or expires_in, not both")
        return self

    def ends_at(self, now: datetime) -> datetime | None:
        """When a token that is created `now` expires; None: never.

        Raises:
            InvalidInputError: that is beyond the last year of a date.
        """
        if self.expires_in is None:
            return self.expires_at
        try:
            return now + self.expires_in
        except OverflowError as error:
            message = "This is too far in the future."
            raise InvalidInputError(fields=[FieldError("expires_in", "instant_invalid", message)]) from error

    @field_validator("expires_at")
    @classmethod
    def _in_utc(cls, instant: datetime | None) -> datetime | None:
        try:
            return instant and instant.astimezone(UTC)
        except OverflowError as error:
            raise PydanticCustomError("instant_invalid", "This is too far in the future") from error


class MessageOut(BaseModel):
    message: str


class TokenPairOut(BaseModel):
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = Field("bearer", description="Always bearer.")
    expires_in: int = Field(description="Seconds until the access token expires.")

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
    is_verified: bool = Field(description="Whether the email is confirmed.")
    is_superuser: bool
    registered_at: datetime
    counts_own_visits: bool = Field(description="Whether the user's visits to their own entries count.")
    daily_report: bool = Field(description="Whether an email is sent after each day with visits.")


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
    token: str = Field(description="Begins with `slp_`; shown only once.")
