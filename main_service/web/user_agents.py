"""What a user agent stands for: a browser, a program at a terminal, or a machine. Nothing else judges user agents.

It relies on what clients say of themselves. A client that lies is not detected.
"""

import re

from is_crawler import crawler_matches, is_crawler

LONGEST = 512
"""The most characters of a user agent that are looked at."""

# By the product token of the program, in lower case.
_COMMANDS = {
    "curl": "curl",
    "wget": "Wget",
    "wget2": "Wget",
    "httpie": "HTTPie",
    "xh": "xh",
    "aria2": "aria2",
    "slipbin": "slipbin",
}
_SHELLS = {"powershell": "PowerShell", "windowspowershell": "PowerShell"}
_TEXT_BROWSERS = {"w3m": "w3m", "lynx": "Lynx", "elinks": "ELinks", "links": "Links"}
_FIRST = _COMMANDS | _TEXT_BROWSERS

_FIRST_PRODUCT = re.compile(r"([A-Za-z0-9]+)(?:/\S*)?(?=\s|$)")
# PowerShell first names Mozilla, and where it runs: `(Linux; Debian GNU/Linux 12 (bookworm); en-US)`.
_LAST_PRODUCT = re.compile(r"Mozilla/5\.0 \(.*\) ([A-Za-z]+)/\S+$")

# It fetches links before the browser does, and some versions call themselves a browser.
_OFFICE = re.compile(r"\bms-?office\b|\bmicrosoft office\b", re.IGNORECASE)

# Names of certain programs, and words that nearly all others use in their names.
_PREVIEWER = re.compile(
    r"bot\b|crawler|spider|preview|unfurl|onebox|externalhit|externalagent|facebookcatalog|whatsapp|slack|discord"
    r"|telegram|embedly|iframely|vkshare|snippet|linkexpanding|mastodon|pleroma|misskey|bluesky|lemmy|scraper|archiver",
    re.IGNORECASE,
)


def terminal_program(user_agent: str) -> str | None:
    """The name of a program that people use at a terminal: a command, a shell or a text browser.

    None: it is not one of the known ones, or says that it crawls, previews or scans.
    """
    user_agent = user_agent[:LONGEST]
    for product, names in ((_FIRST_PRODUCT, _FIRST), (_LAST_PRODUCT, _SHELLS)):
        found = product.match(user_agent)
        name = names.get(found[1].lower()) if found else None
        if found and name:
            # Without its own name and version, which may be `7.5.0-preview.3`.
            others = user_agent[: found.start(1)] + user_agent[found.end() :]
            return None if crawler_matches(others) else name
    return None


def is_command(user_agent: str) -> bool:
    """Whether it is a command that fetches what its user has typed: curl, Wget, HTTPie, xh, PowerShell, aria2 or our
    own client, slipbin.
    """
    name = terminal_program(user_agent)
    return name is not None and name not in _TEXT_BROWSERS.values()


def is_machine(user_agent: str) -> bool:
    """Whether no person sees what it fetches: a crawler, monitor, link preview, library, or a client without a name."""
    user_agent = user_agent[:LONGEST]
    if terminal_program(user_agent) is not None:
        return False
    return is_crawler(user_agent) or bool(_OFFICE.search(user_agent))


def is_previewer(user_agent: str) -> bool:
    """Whether it says that it fetches links before people open them."""
    return is_machine(user_agent) and bool(_PREVIEWER.search(user_agent[:LONGEST]))
