"""Settings of the ways in beside our own API, which can be switched off, and of the sites whose pages may use them."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from main_service.settings import rules

DOORS = ("curl", "haste", "pastebinit", "0x0", "pinnwand", "yourls", "shlink", "bitly", "sharex")
NONE = "none"
ANY = "*"


def read_doors(value: object) -> object:
    """The names in a list with commas; anything else as it is."""
    if not isinstance(value, str):
        return value
    names = {name.strip().lower() for name in value.split(",")} - {"", NONE}
    if unknown := names - set(DOORS):
        known = ", ".join(DOORS)
        raise ValueError(f"has {len(unknown)} names that aren't known; give some of {known}, or {NONE}")
    return frozenset(names)


def read_cors_origins(value: object) -> object:
    """The origins in a list with commas, as browsers write them; anything else as it is.

    Raises:
        ValueError: a name is no origin, or `*` or `none` stands among others.
    """
    if not isinstance(value, str):
        return value
    names = [name.strip() for name in value.split(",") if name.strip()]
    if names == [NONE]:
        return frozenset()
    if names == [ANY]:
        return frozenset(names)
    return frozenset(map(rules.to_origin, names))


class DoorSettings(BaseSettings):
    """The settings of doors among `Settings`."""

    model_config = SettingsConfigDict(env_prefix="MAIN_", env_ignore_empty=True, frozen=True)

    doors: Annotated[frozenset[str], NoDecode, BeforeValidator(read_doors)] = Field(
        frozenset(DOORS),
        description="Ways in beside our own API, separated by commas: plain requests of curl, and the APIs of other "
        f"programs for their clients. `none`: none of them. Default: all, {','.join(DOORS)}.",
    )
    cors_origins: Annotated[frozenset[str], NoDecode, BeforeValidator(read_cors_origins)] = Field(
        frozenset([ANY]),
        description="Sites whose pages may ask the API and the doors, by CORS and without cookies: * for all, none, or "
        "a list with commas such as https://app.example.org. Default *.",
    )
