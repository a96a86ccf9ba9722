"""Reads what a visit tells: headers, client address, and the URL that a link leads to. All of it may be hostile."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from pydantic_core import Url
from tldextract import TLDExtract
from ua_parser import parse

from main_service.visits.models import UNKNOWN
from main_service.visits.printable import clean
from main_service.web.user_agents import LONGEST, is_machine, terminal_program

REMEMBERED = 20_000
"""Values of each kind for which a process remembers the result."""
_MAX_REFERRER, _MAX_NAME, _MAX_DOMAIN = 2048, 64, 253

_LANGUAGE = re.compile(r"([a-z]{2,3})(?![a-z0-9])")
_DESKTOPS = frozenset({"Windows", "Mac OS X", "Linux", "Chrome OS", "FreeBSD", "OpenBSD", "NetBSD", "Solaris"})
_LINUXES = frozenset({"Ubuntu", "Debian", "Fedora", "Arch Linux", "Red Hat", "SUSE", "Gentoo", "CentOS", "Mint"})
_TELEVISION = re.compile(r"\bTV\b|SmartTV|SMART-TV|BRAVIA|\bAFT[A-Z]", re.IGNORECASE)

# The list that comes with the package: nothing is fetched or written.
_split_host = TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)


@dataclass(frozen=True, slots=True, eq=False)
class Agent:
    """The program of a visitor. None: unknown. Compared by identity, which makes counting fast."""

    is_bot: bool
    device_type: str | None
    """desktop, mobile, tablet, terminal, bot or unknown; None: nothing is kept."""
    browser: str | None
    os: str | None


NOTHING_KEPT = Agent(is_bot=False, device_type=None, browser=None, os=None)
"""The agent of a visitor who must not be tracked: counted as a person, for only browsers send such requested."""


class Referrer(NamedTuple):
    url: str | None
    domain: str | None
    """The registrable domain: the name below a public suffix; the host itself if there is none."""


class Target(NamedTuple):
    """The host that a link leads to, in parts; all are None for a paste."""

    domain: str | None
    """The registrable domain; the host itself if there is none."""
    subdomain: str | None
    """What precedes the domain, such as `www`."""
    domain_1st: str | None
    """The first level, under which a registry registers: `com`, `co.uk`; None for an address and an unknown ending."""
    domain_2nd: str | None
    """The second level, with the first: `example.co.uk`."""


PASTE = Target(None, None, None, None)


@lru_cache(REMEMBERED)
def read_agent(user_agent: str) -> Agent:
    user_agent = user_agent[:LONGEST]
    parsed = parse(user_agent)
    os = clean(parsed.os.family, _MAX_NAME) if parsed.os else None
    if (program := terminal_program(user_agent)) is not None:
        return Agent(is_bot=False, device_type="terminal", browser=program, os=os)
    is_bot = is_machine(user_agent)
    browser = clean(parsed.user_agent.family, _MAX_NAME) if parsed.user_agent else None
    model = parsed.device.family if parsed.device else ""
    return Agent(is_bot, "bot" if is_bot else _device_type(user_agent, os, model), browser, os)


def _device_type(user_agent: str, os: str | None, model: str) -> str:
    """The type of device. Google and Mozilla ask Android browsers to say `Mobile` on phones, and not on tablets."""
    if _TELEVISION.search(user_agent):
        return UNKNOWN
    if model in ("iPad", "Kindle") or (os == "Android" and "Mobi" not in user_agent):
        return "tablet"
    if "Mobi" in user_agent or model in ("iPhone", "iPod", "Generic Feature Phone", "Generic Smartphone"):
        return "mobile"
    return "desktop" if os in _DESKTOPS or os in _LINUXES else UNKNOWN


@lru_cache(REMEMBERED)
def read_referrer(referrer: str) -> Referrer:
    return Referrer(clean(referrer, _MAX_REFERRER), _registrable(_host(referrer)))


@lru_cache(REMEMBERED)
def read_language(language: str) -> str | None:
    """The primary subtag, `pt` of `pt-BR`; None if there is none."""
    found = _LANGUAGE.match(language.strip().lower())
    return found[1] if found else None


def read_target(original_url: str) -> Target:
    host = _host(original_url)
    return _target_at(host) if host else PASTE


@lru_cache(REMEMBERED)
def _target_at(host: str) -> Target:
    """The parts of a host. Remembered by host, because whole targets have up to 8 KiB."""
    parts = _split_host.extract_str(host)
    domain = parts.top_domain_under_public_suffix or host
    subdomain = host[: -len(domain) - 1]
    return Target(
        domain, subdomain or None, parts.registry_suffix or None, parts.top_domain_under_registry_suffix or None
    )


@lru_cache(REMEMBERED)
def read_ip(ip: str) -> str | None:
    """The address as PostgreSQL takes it; None if it is not an address."""
    try:
        address = ip_address(ip)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id else str(address)


def _host(url: str) -> str | None:
    """The host of a web URL, in lower case and punycode, without a final dot; None if there is none."""
    try:
        parsed = Url(url)
    except ValueError:
        return None
    host = (parsed.host or "").rstrip(".")
    return host if parsed.scheme in ("http", "https") and 0 < len(host) <= _MAX_DOMAIN else None


def _registrable(host: str | None) -> str | None:
    return (_split_host.extract_str(host).top_domain_under_public_suffix or host) if host else None
