"""The commands that print files for shells and man: completion and man."""

from enum import StrEnum
from typing import Annotated

import typer
from typer._completion_shared import get_completion_script

from slipbin_client.commands.options import Context
from slipbin_client.man_page import man_page
from slipbin_client.session import output_of

COMPLETE_VARIABLE = "_SLIPBIN_COMPLETE"

_ZSH_LOADS_AND_COMPLETES = '\n\n[ "$funcstack[1]" = _slipbin ] && _slipbin_completion'
"""zsh loads the script from a folder of $fpath at the first completion, which this carries out."""


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(context: Context, shell: Annotated[Shell, typer.Argument(help="Which shell.")]) -> None:
    """Print a script that completes commands, options and keys.

    bash: slipbin completion bash > ~/.local/share/bash-completion/completions/slipbin

    zsh: slipbin completion zsh > a folder of $fpath/_slipbin

    fish: slipbin completion fish > ~/.config/fish/completions/slipbin.fish
    """
    script = get_completion_script(prog_name="slipbin", complete_var=COMPLETE_VARIABLE, shell=shell.value)
    if shell is Shell.ZSH:
        script += _ZSH_LOADS_AND_COMPLETES
    output_of(context).write([f"{script}\n".encode()])


def man(context: Context) -> None:
    """Print the man page. To read it: slipbin man > slipbin.1 && man ./slipbin.1"""
    output_of(context).write([man_page(context.find_root().command).encode()])
