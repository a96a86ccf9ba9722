"""What clients of Shlink send. What only other versions of it know is left aside."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from main_service.collections.schemas import CollectionName
from main_service.doors.foreign_links import MAX_LIST_NUMBER
from main_service.entries.field_types import TargetUrl, Title, Views
from main_service.my_entries.numbered_links import LinkOrder

MAX_PER_PAGE = 1_000
DEFAULT_PER_PAGE = 10
MAX_TAGS = 50
ALL = -1

_ORDERS = {
    "dateCreated": LinkOrder.CREATED,
    "shortCode": LinkOrder.KEY,
    "longUrl": LinkOrder.TARGET,
    "title": LinkOrder.TITLE,
    "visits": LinkOrder.VISITS,
    "nonBotVisits": LinkOrder.PEOPLE,
}


def _instant(value: Any) -> Any:
    """A day or a time in ISO 8601; without an offset, of UTC."""
    if not isinstance(value, str):
        raise PydanticCustomError("instant_invalid", "Give a time such as 2030-01-31T12:00:00+00:00")
    try:
        instant = datetime.fromisoformat(value)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("instant_invalid", "Give a time such as 2030-01-31T12:00:00+00:00") from None


Instant = Annotated[datetime, BeforeValidator(_instant)]
TagName = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
"""The name of a tag that is looked for; it need not exist."""
Tags = Annotated[list[CollectionName], Field(max_length=MAX_TAGS)]


class _In(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _ValuesIn(_In):
    title: Title | None = None
    tags: Tags | None = None
    valid_since: Any = None
    valid_until: Instant | None = None
    max_visits: Views | None = None
    crawlable: bool | None = None
    forward_query: bool | None = None
    device_long_urls: Any = None

    @field_validator("valid_since", "device_long_urls")
    @classmethod
    def _refuse(cls, value: Any) -> Any:
        if isinstance(value, dict):
            value = [each for each in value.values() if each]
        if value:
            raise PydanticCustomError("not_offered", "This service has nothing like it; leave it out")
        return None


class ShortUrlIn(_ValuesIn):
    long_url: TargetUrl
    custom_slug: str | None = None
    find_if_exists: bool = False
    domain: str | None = None


class ShortUrlChangeIn(_ValuesIn):
    long_url: str | None = None


class PageIn(_In):
    """Which page of a list, of how many items each; -1: all of them, as far as one page may have."""

    page: int = Field(1, ge=1, le=MAX_LIST_NUMBER)
    items_per_page: int = Field(DEFAULT_PER_PAGE, ge=ALL, le=MAX_LIST_NUMBER)
    start_date: Instant | None = None
    end_date: Instant | None = None
    domain: str | None = None

    @property
    def limit(self) -> int:
        return MAX_PER_PAGE if self.items_per_page in (ALL, 0) else min(self.items_per_page, MAX_PER_PAGE)

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.limit


class ShortUrlsIn(PageIn):
    search_term: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    tags: Annotated[list[TagName], Field(max_length=MAX_TAGS, alias="tags[]")] = []
    tags_mode: Literal["any", "all"] = "any"
    exclude_tags: Annotated[list[TagName], Field(max_length=MAX_TAGS, alias="excludeTags[]")] = []
    order_by: str = "dateCreated-DESC"

    @property
    def order(self) -> LinkOrder:
        return _ORDERS[self.order_by.partition("-")[0]]

    @property
    def is_descending(self) -> bool:
        return self.order_by.upper().endswith("-DESC")

    @field_validator("order_by")
    @classmethod
    def _check_order(cls, value: str) -> str:
        name, _, direction = value.partition("-")
        if name not in _ORDERS or direction.upper() not in ("", "ASC", "DESC"):
            raise PydanticCustomError("order_unknown", "Order by one of: {names}", {"names": ", ".join(_ORDERS)})
        return value


class VisitsIn(PageIn):
    items_per_page: int = Field(ALL, ge=ALL, le=MAX_LIST_NUMBER)
    exclude_bots: bool | Literal[""] = False


class RenamingIn(_In):
    old_name: CollectionName
    new_name: CollectionName


class RedirectRulesIn(_In):
    redirect_rules: list[Any] = []

    @field_validator("redirect_rules")
    @classmethod
    def _refuse(cls, value: list[Any]) -> list[Any]:
        if value:
            raise PydanticCustomError("not_offered", "This service has no redirect rules: a link leads to one target")
        return value


class DomainRedirectsIn(_In):
    domain: str
    base_url_redirect: Any = None
    regular404_redirect: Any = None
    invalid_short_url_redirect: Any = None

    @field_validator("base_url_redirect", "regular404_redirect", "invalid_short_url_redirect")
    @classmethod
    def _refuse(cls, value: Any) -> None:
        if value:
            raise PydanticCustomError("not_offered", "This service redirects nothing but links")
