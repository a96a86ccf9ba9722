"""Settings that limit what one client may ask for."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from main_service.settings.quotas import Quotas, parse_byte_quotas, parse_quotas


def _quotas(value: object) -> object:
    return parse_quotas(value) if isinstance(value, str) else value


def _byte_quotas(value: object) -> object:
    return parse_byte_quotas(value) if isinstance(value, str) else value


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


RequestLimit = Annotated[Quotas, NoDecode, BeforeValidator(_quotas)]
ByteLimit = Annotated[Quotas, NoDecode, BeforeValidator(_byte_quotas)]


_EMPTY_MEANS_NONE = ("limit_", "unconfirmed_retention")
"""The beginnings of the names of settings that an empty value turns off."""


class _EmptyLimits(EnvSettingsSource):
    """Reads an empty limit as no limit. An empty value of any other setting counts as not set."""

    def __init__(self, settings_class: type[BaseSettings]) -> None:
        super().__init__(settings_class, env_ignore_empty=False)

    def __call__(self) -> dict[str, Any]:
        given = super().__call__().items()
        return {name: value for name, value in given if name.startswith(_EMPTY_MEANS_NONE) and value == ""}


class LimitSettings(BaseSettings):
    """The limits among `Settings`."""

    model_config = SettingsConfigDict(env_prefix="MAIN_", env_ignore_empty=True, frozen=True)

    max_import_bytes: int = Field(
        64 * 1024 * 1024,
        ge=1024 * 1024,
        le=10 * 1024**3,
        description="Largest file of an import, in bytes. It may hold 32 times as much, unpacked (at least 2 GiB), and "
        "100,000 items for each 64 MiB (at least 100,000). Default 67108864 (64 MiB).",
    )
    unknown_keys_per_minute: int = Field(
        120,
        ge=1,
        le=1_000_000_000,
        description="Unknown keys that a client address (IPv6: a /64) may ask for in a minute before it must wait. "
        "Default 120.",
    )
    limit_creates: RequestLimit = Field(
        parse_quotas("120/minute;1000/hour"),
        description="How many entries a guest's address (IPv6: a /64) may create, and texts and targets change; an "
        "account ten times as many. Empty: no limit. Default 120/minute;1000/hour.",
    )
    limit_bytes: ByteLimit = Field(
        parse_byte_quotas("200MiB/hour"),
        description="How much text a guest's address may create or change, with changed targets (B, KiB, MiB, GiB); an "
        "account ten times as much. No less than MAIN_MAX_TEXT_BYTES. Empty: no limit. Default 200MiB/hour.",
    )
    limit_registrations: RequestLimit = Field(
        parse_quotas("10/hour"),
        description="How many accounts an address may register. Empty: no limit. Default 10/hour.",
    )
    limit_emails: RequestLimit = Field(
        parse_quotas("20/hour"),
        description="How many emails an address may cause: to confirm, and for a new password. Empty: no limit. "
        "Default 20/hour.",
    )
    limit_emails_per_recipient: RequestLimit = Field(
        parse_quotas("5/day"),
        description="How many of these emails of each kind an address may cause to one recipient; all addresses "
        "together ten times as many. Empty: no limit. Default 5/day.",
    )
    limit_connections: Annotated[int | None, BeforeValidator(_none_if_empty)] = Field(
        512,
        ge=1,
        le=1_000_000,
        description="Connections that a client address (IPv6: a /64) may have open to one web process; those in "
        "MAIN_TRUSTED_PROXIES any number. Empty: no limit. Default 512.",
    )

    limit_statistics: RequestLimit = Field(
        parse_quotas("300/minute"),
        description="How many statistics and leaderboards an address may ask for. Empty: no limit. Default 300/minute.",
    )
    limit_renderings: RequestLimit = Field(
        parse_quotas("60/minute"),
        description="How many pastes an address may have rendered in another language than theirs. Empty: no limit. "
        "Default 60/minute.",
    )
    limit_exports: RequestLimit = Field(
        parse_quotas("60/hour"),
        description="How many exports of all of a user's entries an address may ask for. Empty: no limit. "
        "Default 60/hour.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _EmptyLimits(settings_cls), env_settings, dotenv_settings, file_secret_settings
