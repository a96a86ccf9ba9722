"""The strip above an entry for the browser that made it and for its owner: the link to share, and how to manage it."""

from dataclasses import dataclass

from fastapi import Request

from main_service.dependencies import resources_of
from main_service.entries.entry import LiveEntry
from main_service.entries.permissions import Actor
from main_service.entries.serializers import manage_url
from main_service.entry_pages.manage_cookie import find_manage_token
from main_service.entry_pages.views import is_from_our_page


@dataclass(frozen=True)
class Strip:
    """What the strip has that the page of the entry has not."""

    manage_url: str | None
    """The link that manages a guest's entry from anywhere; None: it belongs to an account, which has no such link."""


def is_makers_look(request: Request, entry: LiveEntry, actor: Actor) -> bool:
    """Whether a page shows the entry to its author, which is no visit.

    That is a browser with the manage cookie, or the owner coming from one of our pages, as after creating it. Whether
    the owner's other looks count is a setting of theirs.
    """
    if actor.owns(entry):
        return is_from_our_page(request.headers)
    return find_manage_token(request, entry) is not None


def find_strip(request: Request, entry: LiveEntry, actor: Actor) -> Strip | None:
    """The strip for this reader; None: they neither own the entry nor have its manage token in a cookie, or they have
    just spent its last view.

    A page with a strip is for this reader alone, as it may hold the manage token.
    """
    if entry.views_left == 0:
        return None
    if actor.owns(entry):
        return Strip(None)
    token = find_manage_token(request, entry)
    if token is None:
        return None
    return Strip(manage_url(resources_of(request).settings.public_url, entry.key, token))
