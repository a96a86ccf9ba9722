"""Links as the clients of other shorteners name, list and expand them."""

from main_service.entries.entry import LiveEntry
from main_service.entries.factory import EntryFactory
from main_service.entries.models import Kind
from main_service.entries.permissions import Actor
from main_service.errors import NotFoundError

MAX_LIST_NUMBER = 10**9
"""The largest page number, page size or offset of a list. The product of two is less than 2^63, PostgreSQL's limit."""


def key_of(link: str, public_url: str) -> str:
    """The key of a link as clients write it: whole, without its scheme, or the key alone."""
    written = link.strip().partition("?")[0].partition("#")[0].rstrip("/")
    site = public_url.partition("://")[2]
    for start in (f"{public_url}/", f"https://{site}/", f"http://{site}/", f"{site}/"):
        if written.startswith(start):
            return written.removeprefix(start)
    return written


async def get_link_to_expand(link: str, actor: Actor, entries: EntryFactory) -> LiveEntry:
    """The link whose target a client asks for. `link`: as for `key_of`.

    Raises:
        NotFoundError: there is none, or its views are limited and it isn't the actor's: the target costs a view.
        EntryEndedError: it has ended.
    """
    entry = await entries.reader.get(key_of(link, entries.public_url), actor)
    if entry.kind is not Kind.LINK or (entry.views_left is not None and not actor.owns(entry)):
        raise NotFoundError
    return entry
