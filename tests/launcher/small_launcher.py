"""A launcher of shell commands, for tests to kill: small_launcher.py LABEL NAME=COMMAND…

It stops its children one after the other, in the order of their names on the command line. One whose name begins with
"stubborn" is killed after a second, the others have time on a busy machine, too. On a terminal it is quiet and writes
log files into the folder LOGS of the environment. DRAIN_SECONDS there: how long it waits for a reader at its end.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from launcher.logs.log_files import LogFiles
from launcher.logs.output import Output
from launcher.logs.quiet_output import QuietOutput
from launcher.logs.terminal import find_terminal
from launcher.supervision.program import Program
from launcher.supervision.supervisor import Supervisor


async def main(label: str, commands: dict[str, str]) -> None:
    """Run the commands until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    is_quiet = find_terminal(1, os.environ)
    output = QuietOutput(1, LogFiles(Path(os.environ["LOGS"]), None)) if is_quiet else Output(1)
    supervisor = Supervisor(output=output, label=label)
    supervisor.open()
    for name, command in commands.items():
        supervisor.keep_running(
            Program(
                name=name,
                command=("/bin/sh", "-c", command),
                environment={**os.environ, "LABEL": label},
                folder=Path("/"),
                user=None,
                stop_grace=timedelta(seconds=1 if name.startswith("stubborn") else 60),
            )
        )
    await stop.wait()
    for name in commands:
        await supervisor.stop([name])
    await supervisor.close()
    output.drain(timedelta(seconds=float(os.environ.get("DRAIN_SECONDS", "1"))))


if __name__ == "__main__":
    pairs = (argument.partition("=") for argument in sys.argv[2:])
    asyncio.run(main(sys.argv[1], {name: command for name, _, command in pairs}))
