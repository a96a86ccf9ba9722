"""Puts the command line together: the commands, the options before them, and how each failure ends. Wiring only."""

import sys
from typing import Annotated, Any, NoReturn

import typer
from typer import TyperException
from typer._completion_classes import completion_init

from slipbin_client import VERSION
from slipbin_client.commands import account, change, create, export, imports, lists, read, shell, statistics
from slipbin_client.errors import ClientError, ExitCode, PipeClosedError
from slipbin_client.output import Output, discard_output
from slipbin_client.session import Options

DEFAULT_MAX_WAIT_SECONDS = 300
_SHORT_HELP = {
    "stats": "Show the visits to an entry, or the totals of mine.",
    "edit": "Change an entry, in your editor or by options.",
    "claim": "Make entries mine that were created without an account.",
    "delete": "Delete entries, for ever.",
    "site": "Choose the site to use, or print which it is.",
    "import": "Import what another service exported.",
    "man": "Print the man page.",
}

app = typer.Typer(
    name="slipbin",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command, name in (
    (create.paste, "paste"),
    (create.shorten, "shorten"),
    (read.get, "get"),
    (lists.list_entries, "list"),
    (lists.search, "search"),
    (statistics.stats, "stats"),
    (change.edit, "edit"),
    (change.claim, "claim"),
    (change.delete, "delete"),
    (read.qr, "qr"),
    (account.site, "site"),
    (account.login, "login"),
    (account.logout, "logout"),
    (export.export, "export"),
    (imports.import_file, "import"),
    (shell.completion, "completion"),
    (shell.man, "man"),
):
    # The first sentence of its help, as far as a line has room; these are too long for that.
    app.command(name, short_help=_SHORT_HELP.get(name))(command)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        Output().line(f"slipbin {VERSION}")
        raise typer.Exit


@app.callback()
def before(
    context: typer.Context,
    site: Annotated[
        str | None,
        typer.Option("--site", envvar="SLIPBIN_SITE", metavar="URL", help="The site. Default: the one chosen before."),
    ] = None,
    max_wait: Annotated[
        int,
        typer.Option(
            "--max-wait",
            envvar="SLIPBIN_MAX_WAIT",
            metavar="SECONDS",
            min=0,
            help="How long to wait in all when the service asks to come back later.",
        ),
    ] = DEFAULT_MAX_WAIT_SECONDS,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Pastes and short links from the command line.

    Choose a site once, as a guest or with an account:

      slipbin site https://paste.example.org

      slipbin login https://paste.example.org
    """
    context.obj = Options(site=site or None, max_wait=max_wait, is_quiet=quiet)


def command_line() -> Any:
    """The command with all its subcommands, as Typer has made it."""
    return typer.main.get_command(app)


def main() -> NoReturn:
    completion_init()
    try:
        code = _run()
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    if code == ExitCode.PIPE_CLOSED:
        discard_output()
    sys.exit(code)


def _run() -> int:
    output = Output()
    try:
        result = command_line().main(prog_name="slipbin", standalone_mode=False)
        output.flush()
    except PipeClosedError:
        return ExitCode.PIPE_CLOSED
    except ClientError as error:
        output.error(error.message)
        return error.exit_code
    except typer.Abort as error:
        output.remark("Nothing was done.")
        # Ctrl-C at a question; else the answer was no.
        return ExitCode.INTERRUPTED if isinstance(error.__context__, KeyboardInterrupt) else ExitCode.REFUSED
    except TyperException as error:
        # All of Typer's own can show themselves, which its types don't say.
        shown: Any = error
        shown.show()
        return error.exit_code
    return result if isinstance(result, int) else ExitCode.DONE
