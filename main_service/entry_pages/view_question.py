"""The question before a limited view is spent: which requests get it, and its page.

A view is spent without asking only for requests that are surely intended: those of command-line programs, and
those that say so by a token or a header. Chats, mail scanners and office programs fetch links on their own, and no list
of them is ever complete.
"""

from dataclasses import replace

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse

from main_service.entries.entry import LiveEntry
from main_service.entries.errors import ManageTokenWrongError, NotOwnerError, ViewNotSpentError
from main_service.entries.factory import EntryFactory
from main_service.entries.models import Kind
from main_service.entries.permissions import Actor, EntryPolicy
from main_service.entries.serializers import page_entry, short_url, text_url
from main_service.entry_pages.owner_strip import find_strip
from main_service.entry_pages.passed_query import printable_query
from main_service.settings import Settings
from main_service.web.headers import CONTENT_SECURITY_POLICY
from main_service.web.json_api import PROBLEM_CONTENT, problem_responses
from main_service.web.negotiation import is_prefetch, wants_html
from main_service.web.templating import render
from main_service.web.user_agents import is_command

REVEAL = "X-Reveal"
"""With the value 1, the request spends a view. Other sites can't make a browser send it: it needs their preflight."""

PLAIN_TEXT = {"text/plain": {"schema": {"type": "string"}}}
NOT_SPENT = {
    **problem_responses(ManageTokenWrongError, NotOwnerError)[403],
    "content": {**PROBLEM_CONTENT, **PLAIN_TEXT},
    "description": "No view was used (a plain text says how to use one), or the manage token is wrong.",
}
"""The answer 403 in the documentation of a route that may spend a view."""

# Browsers apply form-action to the target of a redirect that answers the form, too.
_LEADING_ELSEWHERE = CONTENT_SECURITY_POLICY.replace("form-action 'self'", "form-action 'self' http: https:")


def question_before(
    request: Request,
    entries: EntryFactory,
    entry: LiveEntry,
    actor: Actor,
    *,
    is_shown_as_page: bool,
    language: str | None = None,
) -> Response | None:
    """The response in place of the entry; None: the request gets the entry, and spends a view if they are limited.

    `is_shown_as_page`: clients that want HTML would get the entry as a page, in which they can also be asked.
    `language`: the one that the reader has chosen, and that a text is shown in after the question.

    Raises:
        ManageTokenWrongError, SignInRequiredError, NotOwnerError: the manage token opens another entry, or none.
    """
    if entry.views_left is None:
        return None
    wants_page = wants_html(request.headers)
    means_it = _says_so(request, entries.entry_policy, entry, actor) or (
        is_command(request.headers.get("user-agent", "")) and not (is_shown_as_page and wants_page)
    )
    if means_it and request.method != "HEAD" and not is_prefetch(request.headers):
        return None
    if means_it or wants_page:
        return question(request, entries.settings, entry, actor, language)
    return _refusal(entries.public_url, entry)


def _says_so(request: Request, entry_policy: EntryPolicy, entry: LiveEntry, actor: Actor) -> bool:
    if actor.has_bearer_token or request.headers.get(REVEAL) == "1":
        return True
    given = replace(actor, manage_token=request.headers.get("x-manage-token"))
    return given.manage_token is not None and entry_policy.may_manage(entry, given)


def question(
    request: Request, settings: Settings, entry: LiveEntry, actor: Actor, language: str | None = None
) -> Response:
    """The page that asks before it spends a view. Of the entry it shows only the kind, and the size of a text."""
    response = render(
        request,
        "entries/reveal.html",
        entry=page_entry(entry.without_content(), settings.public_url),
        strip=find_strip(request, entry, actor),
        language=language,
        # The form sends it back, and the answer passes it on.
        query=printable_query(request.scope["query_string"]) if entry.passes_query else "",
    )
    response.headers["Vary"] = "Accept"
    if entry.kind is Kind.LINK:
        response.headers["Content-Security-Policy"] = _LEADING_ELSEWHERE
    return response


def _refusal(public_url: str, entry: LiveEntry) -> Response:
    """The refusal for programs: plain text that says how to spend a view on purpose."""
    if entry.kind is Kind.PASTE:
        advice = f"To read it: curl {text_url(public_url, entry.key)}"
    else:
        advice = f"To follow it: curl -L {short_url(public_url, entry.key)}"
    return PlainTextResponse(
        f"{ViewNotSpentError.code}: This disappears after being viewed. {advice}\n",
        ViewNotSpentError.status,
        headers={"Vary": "Accept"},
    )
