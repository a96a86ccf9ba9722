"""The commands about sites and accounts: site, login and logout."""

import sys
from typing import Annotated

import typer

from slipbin_client import api_tokens
from slipbin_client.commands.options import Context
from slipbin_client.configuration import choose_site, is_on_this_machine, to_site
from slipbin_client.errors import ClientError, ExitCode
from slipbin_client.manage_tokens import ManageTokens
from slipbin_client.output import Output
from slipbin_client.service import Service
from slipbin_client.session import default_site, output_of
from slipbin_client.transport import Transport

_TOKENS_PAGE = "/settings/tokens"

SiteArgument = Annotated[str | None, typer.Argument(metavar="SITE", help="Its URL, such as https://paste.example.org.")]


def site(context: Context, url: SiteArgument = None) -> None:
    """Choose the site to use from now on; without a URL, print which it is."""
    output = output_of(context)
    if url is None:
        output.line(_site(context, None))
        return
    chosen = to_site(url)
    choose_site(chosen)
    output.remark(f"From now on the site is {chosen}")


def login(
    context: Context,
    url: SiteArgument = None,
    no_keyring: Annotated[
        bool, typer.Option("--no-keyring", help="Keep the token in a file even where the system has a keyring.")
    ] = False,
) -> None:
    """Sign in with an API token, and use that site from now on.

    Create the token on the site, under Settings, API tokens. It is asked for, or read from a pipe. It is kept in the
    keyring of the system, where there is one, else in a file that only you may read.
    """
    chosen = _site(context, url)
    output = output_of(context)
    if chosen.startswith("http:") and not is_on_this_machine(chosen):
        output.warn(f"{chosen} isn't encrypted: others can read the token on its way.")
    token = _ask_for_token(output, chosen)
    if not token.isascii() or not token.isprintable() or not token or " " in token:
        raise ClientError("This isn't an API token.", ExitCode.NOT_ALLOWED)
    with Transport(chosen, token, max_wait=context.obj.max_wait) as transport:
        answer = Service(transport).who_am_i()
    user = answer.get("user")
    if not answer.get("authenticated") or not isinstance(user, dict):
        raise ClientError(f"{chosen} doesn't know this token.", ExitCode.NOT_ALLOWED)
    place = api_tokens.keep_token(chosen, token, may_use_keyring=not no_keyring)
    choose_site(chosen)
    output.remark(f"Signed in to {chosen} as {user.get('username') or user.get('email')}. The token is in {place}.")
    if count := len(ManageTokens(chosen).list()):
        output.remark(f"Created here without an account: {count}. To make them yours: slipbin claim")


def logout(context: Context, url: SiteArgument = None) -> None:
    """Delete the API token here. It works elsewhere until you delete it on the site, too."""
    chosen = _site(context, url)
    output = output_of(context)
    if api_tokens.forget_token(chosen):
        output.remark(f"Signed out of {chosen}. To end the token itself, delete it at {chosen}{_TOKENS_PAGE}")
    else:
        output.remark(f"You weren't signed in to {chosen}.")


def _site(context: Context, given: str | None) -> str:
    chosen = to_site(given) if given else default_site(context)
    if chosen is None:
        raise ClientError("Say which site: its URL, such as https://paste.example.org", ExitCode.USAGE)
    return chosen


def _ask_for_token(output: Output, site: str) -> str:
    if not output.can_ask:
        return sys.stdin.readline().strip()
    output.remark(f"Create an API token at {site}{_TOKENS_PAGE} and copy it.")
    token: str = typer.prompt("API token (not shown)", hide_input=True, err=True)
    return token.strip()
