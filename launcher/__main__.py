"""The command line: `python -m launcher run`, `engines`, `main`, `logs` and `restart`."""

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TypeVar

from launcher.command import run_command
from launcher.data.find import find_data_folder
from launcher.descriptors import raise_limit
from launcher.errors import StartError
from launcher.logs.follow import follow_logs
from launcher.restart import restart
from launcher.run import RunOptions, run, run_engines
from launcher.stop_signals import StopSignals

MAX_WEB_PROCESSES = 256
FOUND = "folder of all data; if it isn't named, the one on which Slipbin runs"

AnyDefault = TypeVar("AnyDefault", str, None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 1 if the start failed, 0 after a stop."""
    signals = StopSignals()
    _fill_standard_descriptors()
    _forget_postgres_variables()
    raise_limit()
    # Files that children create in the data folder must be private.
    os.umask(0o077)
    try:
        options = _parser().parse_args(arguments)
        if options.command == "main":
            return run_command(_data_folder(options.data), options.arguments, environ=os.environ)
        if options.command == "logs":
            folder = _data_folder(options.data)
            follow_logs(folder, options.names, lines=options.lines, is_followed=not options.no_follow)
        elif options.command == "restart":
            restart(_data_folder(options.data), options.names)
        elif options.command == "engines":
            asyncio.run(run_engines(options.data, signals))
        else:
            chosen = RunOptions(
                host=options.host,
                port=options.port,
                data=options.data,
                web_processes=options.workers,
                has_gateway=options.gateway,
                tls_port=options.tls_port,
            )
            asyncio.run(run(chosen, signals))
    except BrokenPipeError:
        # The reader of the logs has closed the pipe, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    # The second: a full or read-only disk.
    except (StartError, OSError) as error:
        with suppress(OSError):
            os.write(2, f"launcher: {error}\n".encode(errors="replace"))
        return 1
    finally:
        signals.ignore()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m launcher", description="Runs Slipbin on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)

    everything = commands.add_parser("run", help="run everything until a signal stops it")
    everything.add_argument("--host", default=_setting("HOST", "127.0.0.1"), help="address to listen on")
    everything.add_argument("--port", type=_port, default=_setting("PORT", "8000"), help="0: any free port")
    everything.add_argument("--data", type=Path, default=_setting("DATA", _default_data()), help="folder of all data")
    everything.add_argument("--workers", type=_count, default=_setting("WORKERS", "2"), help="web processes")
    everything.add_argument(
        "--gateway", action="store_true", default=_setting("GATEWAY", "0") != "0", help="nginx in front, with https"
    )
    everything.add_argument("--tls-port", type=_port, default=_setting("TLS_PORT", "8443"), help="of https, with nginx")

    engines = commands.add_parser(
        "engines", help="run PostgreSQL and Valkey until a signal stops them or standard input ends"
    )
    engines.add_argument("--data", type=Path, required=True, help="folder of all data")

    main_service = commands.add_parser(
        "main", help="a command of main_service on what `run` runs, such as: main cleanup"
    )
    main_service.add_argument("--data", type=Path, default=_setting("DATA", None), help=FOUND)
    main_service.add_argument("arguments", nargs=argparse.REMAINDER, help="the command and what it takes")

    logs = commands.add_parser("logs", help="what `run` on a terminal has written to DATA/logs, and what it adds")
    logs.add_argument("--data", type=Path, default=_setting("DATA", None), help=FOUND)
    logs.add_argument("--lines", type=_count_of_lines, default=10, help="how many old lines of each program")
    logs.add_argument("--no-follow", action="store_true", help="end after the old lines")
    logs.add_argument("names", nargs="*", help="the programs, such as web-1; none: all")

    again = commands.add_parser("restart", help="end programs of `run`, which starts them again; kill those that hang")
    again.add_argument("--data", type=Path, default=_setting("DATA", None), help=FOUND)
    again.add_argument("names", nargs="*", help="the programs, such as main-beat")
    return parser


def _setting(name: str, default: AnyDefault) -> str | AnyDefault:
    # An empty variable counts as not set.
    return os.environ.get(name) or default


def _default_data() -> str:
    return "/var/lib/slipbin" if os.geteuid() == 0 else "./data"


def _data_folder(named: Path | None) -> Path:
    """The folder that a command is about."""
    return find_data_folder(named, default=Path(_default_data()))


class _Parser(argparse.ArgumentParser):
    """Names options in errors as users give them: with `make run PORT=x`, that is `PORT` and not `--port`."""

    def error(self, message: str) -> NoReturn:
        if os.environ.get("SLIPBIN_MAKE"):
            raise StartError(re.sub(r"^argument --([\w-]+): ", _as_in_make, message) + ".")
        super().error(message)


def _as_in_make(named: re.Match[str]) -> str:
    return named[1].upper().replace("-", "_") + ": "


def _port(text: str) -> int:
    return _number(text, least=0, most=65535)


def _count(text: str) -> int:
    return _number(text, least=1, most=MAX_WEB_PROCESSES)


def _count_of_lines(text: str) -> int:
    return _number(text, least=0, most=100_000)


def _number(text: str, *, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
    return int(text)


def _forget_postgres_variables() -> None:
    """Unset PGPORT and the like: meant for another server, they would lead our clients there."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def _fill_standard_descriptors() -> None:
    """Open /dev/null for standard descriptors that are closed, or a file of ours would get their number and output."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    sys.exit(main())
