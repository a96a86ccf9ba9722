"""What the client remembers for its user: the site, and for which sites it has an API token, and where."""

import re
from urllib.parse import urlsplit

from slipbin_client.errors import ClientError, ExitCode
from slipbin_client.private_files import PrivateFile, config_folder

SITE, TOKENS = "site", "tokens"
_ON_THIS_MACHINE = re.compile(r"(?:localhost|127(?:\.\d+){3}|\[::1\])(?::|/|$)", re.IGNORECASE)


def configuration() -> PrivateFile:
    return PrivateFile(config_folder() / "config.json")


def to_site(given: str) -> str:
    """The origin that a URL names, such as `https://paste.example.org`. Without a scheme it is https, of this machine
    http.

    Raises:
        ClientError: it names none.
    """
    if "://" not in given:
        given = f"{'http' if _ON_THIS_MACHINE.match(given) else 'https'}://{given}"
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError as error:
        raise ClientError(f"This isn't the URL of a site: {given}", ExitCode.USAGE) from error
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ClientError(f"This isn't the URL of a site: {given}", ExitCode.USAGE)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme.lower()]
    return f"{parts.scheme.lower()}://{host}" + ("" if port in (None, usual) else f":{port}")


def is_on_this_machine(site: str) -> bool:
    """Whether an origin is this machine's own, so that nothing that is sent to it can be read on its way."""
    return _ON_THIS_MACHINE.match(site.partition("://")[2]) is not None


def chosen_site() -> str | None:
    """The site that was chosen with `slipbin site` or `slipbin login`; None: none was."""
    site = configuration().read().get(SITE)
    return site if isinstance(site, str) else None


def choose_site(site: str) -> None:
    configuration().change(lambda values: values.update({SITE: site}))


def token_place(site: str) -> str | None:
    """Where the API token of a site is; None: there is none."""
    place = configuration().read().get(TOKENS, {}).get(site)
    return place if isinstance(place, str) else None


def note_token_place(site: str, place: str | None) -> None:
    """Remember where the API token of a site is. `place`: None: there is none any more."""

    def change(values: dict[str, object]) -> None:
        places = values.setdefault(TOKENS, {})
        assert isinstance(places, dict)
        if place is None:
            places.pop(site, None)
        else:
            places[site] = place

    configuration().change(change)
