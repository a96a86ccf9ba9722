"""The command line of main_service."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Annotated, cast

import typer
import uvicorn

from main_service.errors import AppError, NoCredentialsError
from main_service.http_server.processes import Parent, ServerOfMany, open_listener, serve_in_processes
from main_service.monitoring import tracing
from main_service.monitoring.descriptors import raise_limit
from main_service.monitoring.logs import start_logs
from main_service.monitoring.metrics_files import join, stay_out
from main_service.settings import Settings, load_settings_or_exit

cli = typer.Typer(add_completion=False, no_args_is_help=True, help="Pastes and short links.")

ROOT = Path(__file__).resolve().parents[1]
GRACEFUL_SHUTDOWN_SECONDS = 12
"""A request takes 10 s at most, and clients have 10 s to end what they send and read."""
KEEP_ALIVE_SECONDS = 15


@cli.callback()
def prepare(context: typer.Context) -> None:
    """Let no command but `serve` leave files among the metrics: many are run beside web processes."""
    if context.invoked_subcommand != "serve":
        stay_out()


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    fd: Annotated[int | None, typer.Option(help="A listening socket to use instead, by file descriptor.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that share the socket.")] = 1,
    parent_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Answer HTTP requests, in this process or in several of its own."""
    raise_limit()
    settings = load_settings_or_exit()
    if workers > 1:
        try:
            listener = open_listener(host=host, port=port, fd=fd)
        except OSError as error:
            sys.exit(f"main_service can't listen: {error}")
        sys.exit(serve_in_processes(workers, listener=listener))
    parent = None if parent_fd is None else Parent(parent_fd)
    join("web")
    tracing.start("slipbin-web")
    # Otherwise a fifth of the start goes into collecting garbage among objects that stay for ever.
    gc.disable()
    config = _server_config(settings, host=host, port=port)
    from main_service.resources import object_store_of

    try:
        object_store_of(settings).open()
    except (NoCredentialsError, OSError) as error:
        sys.exit(f"main_service can't start:\n{error}")
    gc.freeze()
    gc.enable()
    # A request makes some hundred objects and few cycles: collecting after every 700, the default, takes a twentieth
    # of its time.
    gc.set_threshold(20_000, 20, 20)
    sockets = None if fd is None else [socket.socket(fileno=fd)]
    for each in sockets or ():
        # uvloop closes nothing in what it starts: the renderer would keep the listener open after our end.
        each.set_inheritable(False)
    # uvicorn finishes what was accepted, then raises the signal again, which would look like a failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = uvicorn.Server(config) if parent is None else ServerOfMany(config, parent=parent)
    try:
        server.run(sockets=sockets)
    finally:
        tracing.stop()


def _server_config(settings: Settings, *, host: str, port: int) -> uvicorn.Config:
    """uvicorn with our protocol around the app. `host`, `port`: not used with sockets that are open already."""
    # PyJWT loads it if it can, which takes 8 MB, for algorithms that our tokens don't use.
    with _hidden("cryptography"):
        # FastAPI checks for models of pydantic 1 in each request, if that can be loaded, which takes 2 MB.
        sys.modules["pydantic.v1"] = cast("ModuleType", None)
        from main_service.app import create_app
    from main_service.fast_path.logged import LoggedFastProtocol
    from main_service.fast_path.protocol import FastProtocol
    from main_service.http_server.access_log import open_access_log
    from main_service.http_server.identified_requests import IdentifiedRequests
    from main_service.http_server.process_limits import ProcessLimits
    from main_service.http_server.protocol import HttpProtocol
    from main_service.web.cors import AllowedOrigins

    access_log = open_access_log(settings)
    protocol = partial(
        HttpProtocol if not settings.fast_path else FastProtocol if access_log is None else LoggedFastProtocol,
        process_limits=ProcessLimits(
            connections_per_client=settings.limit_connections, trusted_proxies=settings.believed_proxies
        ),
        origins=AllowedOrigins(settings.cors_origins),
        access_log=access_log,
    )
    return uvicorn.Config(
        lambda: IdentifiedRequests(create_app(), trusted_proxies=settings.believed_proxies, access_log=access_log),
        factory=True,
        host=host,
        port=port,
        http=cast("type[asyncio.Protocol]", protocol),
        loop="uvloop",
        ws="none",
        # Its loggers write as all others do.
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        # uvicorn would trust 127.0.0.1 to name the client's address.
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
    )


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """Import what is imported here as if `package` were not installed."""
    loaded = sys.modules.get(package)
    sys.modules[package] = cast("ModuleType", None)
    try:
        yield
    finally:
        del sys.modules[package]
        if loaded is not None:
            sys.modules[package] = loaded


@cli.command()
def migrate() -> None:
    """Bring the database schema up to date and create the bucket if it is missing."""
    from alembic.config import Config
    from alembic.util import CommandError

    from alembic import command
    from main_service.engines.s3 import create_bucket

    settings = load_settings_or_exit()
    # After going back to the previous release, which must still be able to start.
    config = Config(toml_file=ROOT / "pyproject.toml", attributes={"stays_ahead": True})
    try:
        command.upgrade(config, "head")
        is_new_bucket = create_bucket(settings)
    except CommandError as error:
        # Its message holds only revisions; the log would leave it out.
        sys.exit(f"The schema can't be brought up to date: {error}. `main_service doctor` says more.")
    except (AppError, ValueError, OSError) as error:
        sys.exit(str(error))
    state = "The schema is up to date"
    if ahead := config.attributes.get("revision_ahead"):
        state = f"The schema was migrated by a newer release ({ahead}), and has all that this one needs: it stays so"
    typer.echo(state + ("; the bucket has been created." if is_new_bucket else "."))


@cli.command()
def cleanup() -> None:
    """Run the daily clean-up now and print what it removed."""
    from main_service.admin_jobs.factory import AdminJobFactory
    from main_service.admin_jobs.service import FullCleanupCounts
    from main_service.resources import open_resources

    async def clean_up_now(settings: Settings) -> FullCleanupCounts:
        async with open_resources(settings, for_task=True) as resources:
            return await AdminJobFactory(resources).cleanup.clean_up()

    try:
        cleaned = asyncio.run(clean_up_now(load_settings_or_exit()))
    except AppError as error:
        sys.exit(error.message)
    typer.echo(
        f"{cleaned.ended} expired entries ended, {cleaned.bodies_deleted} texts deleted, "
        f"{cleaned.emptied} ended entries emptied, {cleaned.orphans_deleted} orphaned texts deleted, "
        f"{cleaned.attempts_forgotten} idempotency keys, {cleaned.sessions_forgotten} ended sessions and "
        f"{cleaned.tasks_forgotten} tasks that were asked for forgotten."
    )


@cli.command()
def create_superuser(
    email: Annotated[str, typer.Option(help="Address of the account.")],
    username: Annotated[str | None, typer.Option(help="User name of the account.")] = None,
    promote: Annotated[bool, typer.Option("--promote", help="Take the account that the address has.")] = False,
) -> None:
    """Create an account that may administer the service.

    The password is asked for; without a terminal it is the first line of standard input.
    """
    from main_service.accounts import cli as accounts_cli

    if promote and username is not None:
        sys.exit("--promote takes the account as it is; leave --username out.")
    settings = load_settings_or_exit()
    try:
        if promote:
            asyncio.run(accounts_cli.promote(settings, email))
        else:
            password = _read_password()
            asyncio.run(accounts_cli.create(settings, email=email, username=username, password=password))
    except AppError as error:
        how = "PROMOTE=1" if os.environ.get("SLIPBIN_MAKE") else "--promote"
        advice = f"\n{how} makes it a superuser." if "email_taken" in [it.code for it in error.fields] else ""
        sys.exit(("\n".join(f"{it.field}: {it.message}" for it in error.fields) or error.message) + advice)
    typer.echo(f"{email} is a superuser now." if promote else f"{email} has an account and is a superuser.")


@cli.command()
def status(
    web_url: Annotated[
        str, typer.Option(envvar="SLIPBIN_WEB_URL", help="A web process, to see whether it answers.")
    ] = "http://127.0.0.1:8000",
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Show on one screen how the installation is doing, and what is wrong.

    Exit status: 0 if all is well (there may be warnings), 1 if something is wrong. `doctor` looks for causes.
    """
    # Collecting garbage would take a tenth of the time, and nothing made here can be freed before the end.
    gc.disable()
    from main_service.status.command import run_status

    told, code = run_status(load_settings_or_exit(), web_url=web_url, is_json=as_json)
    typer.echo(told)
    sys.exit(code)


@cli.command()
def doctor(
    web_url: Annotated[
        str, typer.Option(envvar="SLIPBIN_WEB_URL", help="A web process, to ask it what it has noticed about proxies.")
    ] = "http://127.0.0.1:8000",
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look for what is wrong with this installation, and say what to do.

    Exit status: 0 if there is no problem (there may be warnings), else 1.
    """
    from main_service.doctor.command import run_doctor

    told, status = run_doctor(web_url=web_url, as_json=as_json)
    typer.echo(told)
    sys.exit(status)


def _read_password() -> str:
    if sys.stdin.isatty():
        password: str = typer.prompt("Password", hide_input=True, confirmation_prompt="The same again")
        return password
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        sys.exit("The password on standard input is not UTF-8.")


def main() -> None:
    """Run a command and end the process without tearing the interpreter down.

    obstore's threads may still be putting away their last Python objects then, and a thread that finds the interpreter
    gone aborts the process although all work is done (PyO3/pyo3-async-runtimes issue 40).
    """
    command = next((it for it in sys.argv[1:] if not it.startswith("-")), "main_service")
    start_logs("web" if command == "serve" else command)
    code: object = 0
    try:
        cli()
    except SystemExit as end:
        code = end.code
    except Exception:
        # `status` and `doctor` switch logging off, and would end without a word.
        logging.disable(logging.NOTSET)
        logging.getLogger(__name__).exception("The command failed")
        code = 1
    if isinstance(code, str):
        typer.echo(code, err=True)
        code = 1
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
