"""Arguments and options that several commands have."""

from typing import Annotated

import typer

from slipbin_client.key_completion import complete_key

Context = typer.Context
Key = Annotated[str, typer.Argument(metavar="KEY", help="Its key, or a link to it.", autocompletion=complete_key)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the API answers it.")]
Expires = Annotated[
    str | None,
    typer.Option(
        "--expires",
        "-e",
        metavar="WHEN",
        help="How long it lasts, such as 1h, 7d or never; or until when, such as 2030-01-31T12:00:00Z.",
    ),
]
Title = Annotated[str | None, typer.Option("--title", "-t", help="What it is called.")]
Syntax = Annotated[
    str | None, typer.Option("--syntax", "-s", metavar="NAME", help="Its language, such as python. Default: detected.")
]
Alias = Annotated[str | None, typer.Option("--alias", "-a", help="A key of your choice.")]
Views = Annotated[int | None, typer.Option("--views", "-n", min=1, help="How many views until it is deleted.")]
Visibility = Annotated[
    str | None,
    typer.Option("--visibility", "-v", metavar="WHO", help="public, unlisted (default) or, with an account, private."),
]
ManageToken = Annotated[
    str | None,
    typer.Option(
        "--manage-token",
        envvar="SLIPBIN_MANAGE_TOKEN",
        metavar="TOKEN",
        help="The manage token, if it was created elsewhere without an account.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]


def lifetime(expires: str | None) -> dict[str, object]:
    """The field of a request that `--expires` stands for. Digits alone are seconds."""
    if expires is None:
        return {}
    if len(expires) >= len("2030-01-31") and expires[4] == "-":
        return {"expires_at": expires}
    return {"expires_in": int(expires) if expires.isdecimal() else expires}
