"""What a command works with: the site, its API token and manage tokens, its service, and where results go."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import typer
from rich.text import Text

from slipbin_client.api_tokens import find_token
from slipbin_client.configuration import chosen_site, to_site
from slipbin_client.entry_names import EntryName
from slipbin_client.errors import ClientError, ExitCode, ServiceError
from slipbin_client.manage_tokens import ManageTokens
from slipbin_client.output import Output
from slipbin_client.safe_text import safe_line
from slipbin_client.service import Service
from slipbin_client.transport import Transport

TOKEN_VARIABLE = "SLIPBIN_TOKEN"  # noqa: S105 (the name of a variable)
MANAGE_TOKEN = "X-Manage-Token"  # noqa: S105 (the name of a header)
_SHOWN_FROM_SECONDS = 1.0
_ENDED = "ended"
"""The code of a problem: there was such an entry."""


@dataclass(frozen=True)
class Options:
    """What stands before the command. `site`: None: not given."""

    site: str | None
    max_wait: float
    is_quiet: bool


@dataclass(frozen=True)
class Session:
    """`is_signed_in`: whether there is an API token for the site, which may be wrong."""

    site: str
    output: Output
    service: Service
    manage_tokens: ManageTokens
    is_signed_in: bool

    def manage_headers(self, key: str, given: str | None = None) -> dict[str, str]:
        """The header with an entry's manage token; without one, empty. `given`: a token from the command line."""
        token = given or self.manage_tokens.find(key)
        return {MANAGE_TOKEN: token} if token else {}


def output_of(context: typer.Context) -> Output:
    options: Options = context.obj
    return Output(is_quiet=options.is_quiet)


def default_site(context: typer.Context) -> str | None:
    """The site of this run, unless a link names another; None: no one has said which."""
    options: Options = context.obj
    return to_site(options.site) if options.site else chosen_site()


@contextmanager
def open_session(
    context: typer.Context, name: EntryName | None = None, *, output: Output | None = None
) -> Iterator[Session]:
    """A session with the site that the entry's link names, else with that of this run. An entry of which the service
    says meanwhile that it has ended is forgotten here.

    Raises:
        ClientError: there is no site.
    """
    options: Options = context.obj
    default = default_site(context)
    site = (name.site if name else None) or default
    if site is None:
        raise ClientError("Say which site, once: slipbin site https://paste.example.org", ExitCode.USAGE)
    output = output or output_of(context)
    # The token of the environment is for the site of this run: it goes nowhere else, whatever a link says.
    token = os.environ.get(TOKEN_VARIABLE) if site == default else None
    token = token or find_token(site)
    with Transport(site, token, max_wait=options.max_wait, waiting=_Waiting(output)) as transport:
        session = Session(site, output, Service(transport), ManageTokens(site), token is not None)
        try:
            yield session
        except ServiceError as error:
            # It never comes back, and isn't to be listed.
            if name is not None and error.code == _ENDED:
                session.manage_tokens.forget(name.key)
            raise


class _Waiting:
    """Waits, and says why; on a terminal with the seconds that are left."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def __call__(self, why: str, seconds: float) -> None:
        if seconds < _SHOWN_FROM_SECONDS or not self._output.is_told_on_terminal:
            if seconds >= _SHOWN_FROM_SECONDS:
                self._output.remark(f"{why} Waiting {seconds:.0f} s.")
            time.sleep(seconds)
            return
        ends_at = time.monotonic() + seconds
        with self._output.messages.status("") as status:
            while (left := ends_at - time.monotonic()) > 0:
                # A plain string would be read as markup.
                status.update(Text(safe_line(f"{why} Waiting {timedelta(seconds=int(left) + 1)} …")))
                time.sleep(min(left, 1))
