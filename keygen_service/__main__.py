"""The command line of keygen_service."""

import sys

import typer
from redis import RedisError

from keygen_service.logs import start_logs
from keygen_service.pool import KeyPools, connect
from keygen_service.settings import load_settings_or_exit, log_warnings

cli = typer.Typer(add_completion=False, no_args_is_help=True, help="Keeps pools of ready keys in Redis.")


@cli.callback()
def main() -> None:
    """Keep `status` a command: with only one command and no callback, typer would run it without its name."""


@cli.command()
def status() -> None:
    """Print the depth of each pool."""
    settings = load_settings_or_exit(logs_warnings=False)
    start_logs("status")
    log_warnings(settings)
    try:
        with connect(settings.redis_url) as redis:
            depths = KeyPools(redis, pool_size=settings.pool_size).depths()
    except RedisError as error:
        sys.exit(f"Redis does not answer: {error}")
    for name, depth in depths.items():
        typer.echo(f"{name} {depth} of {settings.pool_size}")


if __name__ == "__main__":
    cli()
