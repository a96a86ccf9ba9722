"""Settings that name proxies in front of the service."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import BeforeValidator, Field, InstanceOf
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_UNIX = "unix"


class UnixSockets:
    """Stands among networks for all connections by unix socket: their other end has no address."""

    def __contains__(self, address: object) -> bool:
        return False

    def __str__(self) -> str:
        return _UNIX


UNIX_SOCKETS = UnixSockets()


def split_networks(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def split_gateway(value: object) -> object:
    """Split like `split_networks`, where the word `unix` becomes `UNIX_SOCKETS`."""
    parts = split_networks(value)
    return [UNIX_SOCKETS if part == _UNIX else part for part in parts] if isinstance(parts, list) else parts


class ProxySettings(BaseSettings):
    """The settings of proxies among `Settings`."""

    model_config = SettingsConfigDict(env_prefix="MAIN_", env_ignore_empty=True, frozen=True)

    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(split_networks)] = (
        Field(
            (),
            description="Proxies in front of the service whose X-Forwarded-For is believed: addresses or networks, "
            "separated by commas. Default: none.",
        )
    )
    gateway: Annotated[
        tuple[IPv4Network | IPv6Network | InstanceOf[UnixSockets], ...], NoDecode, BeforeValidator(split_gateway)
    ] = Field(
        (),
        description="Where the gateway of deploy/gateway connects from, which is believed like MAIN_TRUSTED_PROXIES: "
        "addresses or networks, separated by commas, or unix for unix sockets. The compose file and make run set it. "
        "Default: none.",
    )

    @property
    def believed_proxies(self) -> tuple[IPv4Network | IPv6Network | UnixSockets, ...]:
        """All whose `X-Forwarded-For` is believed: the gateway and the operator's proxies."""
        return *self.gateway, *self.trusted_proxies
