"""What a program gets at the home page: ten lines of help for terminals, with the URL of this site filled in."""

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from main_service.web.negotiation import wants_page

_HELP = """\
Pastes and short links. Each of these answers with a link:
  curl -T app.log {site}/               a file; its name gives title and language
  make 2>&1 | curl -T- {site}/          what a command prints
  curl --data-binary @app.log {site}/   or curl -F file=@app.log {site}/
  curl -d url=https://example.org/a/long/path {site}/
Options, in quotes: '{site}/?expires=1h&views=1', also syntax, alias, title, visibility, encoding
Read: curl {site}/KEY     Change (TOKEN: X-Manage-Token of the answer, shown by curl -i):
  curl -T app.log -H 'X-Manage-Token: TOKEN' {site}/KEY
  curl -X DELETE -H 'X-Manage-Token: TOKEN' {site}/KEY
With an account: -H 'Authorization: Bearer API-TOKEN'. All calls: {site}/docs
"""


class ForPrograms(APIRoute):
    """A route for those who want no page; all others go on to the route of the page."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["method"] in ("GET", "HEAD") and wants_page(Headers(scope=scope)):
            return Match.NONE, {}
        return super().matches(scope)


def plain_help(public_url: str) -> str:
    return _HELP.format(site=public_url)
