"""The settings of the gateway: those of main_service that it has to know, and its own."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from main_service.settings import rules
from main_service.settings.doors import ANY, read_cors_origins
from main_service.settings.proxies import split_networks


class SharedSettings(BaseSettings):
    """Settings of main_service, with the same names, defaults and rules."""

    model_config = SettingsConfigDict(env_prefix="MAIN_", env_ignore_empty=True)

    public_url: Annotated[str, AfterValidator(rules.to_origin)]
    max_text_bytes: int = Field(10 * 1024 * 1024, ge=1, le=100 * 1024 * 1024)
    max_import_bytes: int = Field(64 * 1024 * 1024, ge=1024 * 1024, le=10 * 1024**3)
    visit_ip: Literal["truncated", "full"] = "truncated"
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(split_networks)] = ()
    """Proxies in front of the gateway. The web processes need to trust the gateway alone."""
    cors_origins: Annotated[frozenset[str], NoDecode, BeforeValidator(read_cors_origins)] = frozenset([ANY])
    """Sites whose scripts may read what is answered to them; `*` among them: all."""


class ConnectionSettings(BaseSettings):
    """The one shared setting that means something when it is empty."""

    model_config = SettingsConfigDict(env_prefix="MAIN_")

    limit_connections: Annotated[int | None, BeforeValidator(lambda value: value or None)] = Field(512, ge=1)
    """Requests that a client address (IPv6: a /64) may have under way at once; None: no limit."""


class GatewaySettings(BaseSettings):
    """The gateway's own settings."""

    model_config = SettingsConfigDict(env_prefix="SLIPBIN_", env_ignore_empty=True)

    access_log: bool = True
    gateway_processes: int = Field(2, ge=1, le=256)
    grafana_path: str = Field("", pattern=r"^((/[a-z0-9-]+)+/)?$")
    """The path under which Grafana is shown too, such as /grafana/; empty: nowhere."""
