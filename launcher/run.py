"""The two things the launcher does: run all of Slipbin, or its engines alone."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from launcher.announcement import Announcement
from launcher.data.folder import DataFolder, open_data_folder, prepare_for_services
from launcher.data.lock import Lock
from launcher.data.secrets import read_secrets
from launcher.engines.both import ENGINES, start_engines
from launcher.env_file import with_env_file
from launcher.errors import StartError
from launcher.gateway import Gateway, open_gateway
from launcher.listener import open_listener
from launcher.logs.log_files import LogFiles
from launcher.logs.output import Output
from launcher.logs.quiet_output import QuietOutput
from launcher.logs.terminal import find_terminal
from launcher.readiness import find_missing_service, wait_until
from launcher.run_user import find_run_user
from launcher.services import (
    Services,
    describe_services,
    engine_addresses,
    find_service_user,
    ignored_settings,
    outbox_address,
    own_settings,
)
from launcher.stop_signals import StopSignals
from launcher.supervision.processes import describe_end
from launcher.supervision.program import Program
from launcher.supervision.supervisor import Supervisor

LAST_WORDS_LIMIT = timedelta(seconds=2)
STANDARD_INPUT = 0
STANDARD_OUTPUT = 1
STANDARD_ERROR = 2


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of the command `run`."""

    host: str
    port: int
    data: Path
    web_processes: int
    has_gateway: bool = False
    """Whether nginx is in front of the web processes."""
    tls_port: int = 0


async def run(options: RunOptions, signals: StopSignals) -> None:
    """Run everything until a signal asks to stop.

    Raises:
        StartError: it cannot start; nothing is left running.
    """
    stop = signals.attach()
    environ = with_env_file(os.environ)
    data = open_data_folder(options.data, find_run_user(environ))
    lock = Lock(data, address=f"http://{options.host}:{options.port}")
    listener = open_listener(options.host, options.port)
    gateway = None
    if options.has_gateway:
        gateway = open_gateway(listener, host=options.host, tls_port=options.tls_port, environ=environ)
        environ = {**environ, **gateway.settings(environ)}
    lock.describe(listener.url, gateway.settings(environ) if gateway else None)
    user = find_service_user(data.owner)
    secrets = read_secrets(data)
    ignored = ignored_settings(environ, own_settings(data, secrets))
    services = describe_services(
        data,
        user=user,
        listener=gateway.for_web if gateway else listener,
        web_processes=options.web_processes,
        secrets=secrets,
        environ=environ,
    )
    terminal = find_terminal(STANDARD_OUTPUT, os.environ)
    log_files = LogFiles(data.logs, data.owner)
    output = QuietOutput(STANDARD_OUTPUT, log_files) if terminal else Output(STANDARD_OUTPUT)
    if data.owner and not user:
        output.say(f"the user {data.owner.name} cannot read this program, so only the engines run as that user")

    async def find_missing() -> str | None:
        front = data.web_socket if gateway else (listener.host, listener.port)
        return await find_missing_service(data, front)

    async def start(supervisor: Supervisor) -> None:
        output.progress("Starting PostgreSQL and Valkey …")
        await start_engines(supervisor, data)
        prepare_for_services(data, user)
        watch = None
        if gateway:
            gateway.listen(data)
            watch = await _configure_gateway(supervisor, gateway, data, services, environ=environ)
        output.progress("Bringing the database up to date, starting the services …")
        await _start_services(supervisor, services)
        if gateway and watch:
            supervisor.keep_running(gateway.program(data, user=watch.user))
            supervisor.keep_running(watch)
        await wait_until(find_missing, say=supervisor.say)
        announcement = Announcement(listener, data, environ, ignored)
        for line in announcement.box(terminal) if terminal else announcement.lines():
            output.print(line)
        if gateway:
            output.print(f"It is reached by https too, through nginx: {gateway.https.url.replace('http:', 'https:')}")

    async def stop_in_order(supervisor: Supervisor) -> None:
        # From here on new connections are refused instead of left waiting.
        listener.socket.close()
        if gateway:
            gateway.https.socket.close()
            await supervisor.stop(["gateway", "gateway-certificates"])
            gateway.web.close()
        await supervisor.stop(program.name for program in services.web)
        await supervisor.stop([services.main_beat.name, services.keygen_beat.name])
        workers = [services.main_worker, services.main_slow, services.keygen_worker]
        await supervisor.stop(program.name for program in workers)
        await supervisor.stop(ENGINES)

    await _supervise(start, stop_in_order, stop=stop, output=output, label=str(data.path))


async def run_engines(path: Path, signals: StopSignals) -> None:
    """Run the engines alone until a signal asks to stop or standard input ends; print how to reach them.

    Raises:
        StartError: they cannot start; nothing is left running.
    """
    stop = signals.attach()
    data = open_data_folder(path, find_run_user(os.environ))
    Lock(data, address="its engines only")
    # Standard output carries only what programs read.
    answer, output = Output(STANDARD_OUTPUT), Output(STANDARD_ERROR)

    async def start(supervisor: Supervisor) -> None:
        await start_engines(supervisor, data)
        prepare_for_services(data, find_service_user(data.owner))
        for name, value in (engine_addresses(data) | outbox_address(data)).items():
            answer.print(f"{name}={value}")
        answer.print("ready")

    async def stop_in_order(supervisor: Supervisor) -> None:
        await supervisor.stop(ENGINES)

    _stop_at_end_of_input(stop)
    await _supervise(start, stop_in_order, stop=stop, output=output, label=str(data.path))


async def _start_services(supervisor: Supervisor, services: Services) -> None:
    # keygen_service needs no database.
    for program in [services.keygen_worker, services.keygen_beat]:
        supervisor.keep_running(program)
    status = await supervisor.run_once(services.migrate)
    if status != 0:
        raise StartError(f"The database could not be brought up to date: migrate, {describe_end(status)}.")
    for program in [*services.web, services.main_worker, services.main_slow, services.main_beat]:
        supervisor.keep_running(program)


async def _configure_gateway(
    supervisor: Supervisor, gateway: Gateway, data: DataFolder, services: Services, *, environ: Mapping[str, str]
) -> Program:
    """Write what nginx is started with; return what then does so for each changed certificate."""
    user, environment = services.web[0].user, services.web[0].environment
    write, watch = gateway.config_programs(data, user=user, environ=environ, environment=environment)
    if await supervisor.run_once(write) != 0:
        raise StartError("The gateway's configuration could not be written: see above.")
    return watch


async def _supervise(
    start: Callable[[Supervisor], Coroutine[object, object, None]],
    stop_in_order: Callable[[Supervisor], Coroutine[object, object, None]],
    *,
    stop: asyncio.Event,
    output: Output,
    label: str,
) -> None:
    """Start, keep running until told to stop, and leave nothing behind, whatever happens."""
    supervisor = Supervisor(output=output, label=label)
    asked = asyncio.create_task(stop.wait())
    starting = None
    try:
        supervisor.open()
        starting = asyncio.create_task(start(supervisor))
        await _first_of(asked, starting, supervisor.failed)
        if starting.done():
            await starting
            await _first_of(asked, supervisor.failed)
        if supervisor.failed.done():
            await supervisor.failed
        output.say("stopping")
    finally:
        if starting:
            starting.cancel()
            await asyncio.wait([starting])
        await stop_in_order(supervisor)
        await supervisor.close()
        asked.cancel()
        output.progress("Slipbin has stopped.")
        output.drain(LAST_WORDS_LIMIT)


async def _first_of(*futures: "asyncio.Future[Any]") -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


def _stop_at_end_of_input(stop: asyncio.Event) -> None:
    """Set `stop` at the end of standard input: the program that started the engines holds the other end."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(STANDARD_INPUT, 4096):
            loop.remove_reader(STANDARD_INPUT)
            stop.set()

    try:
        loop.add_reader(STANDARD_INPUT, read)
    except PermissionError:
        # A plain file or /dev/null can't be waited for and counts as ended.
        stop.set()
