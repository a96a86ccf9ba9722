"""A real S3 server for the tests: OpenStack Swift with its s3api, below one folder, on 127.0.0.1.

Swift is four processes: a proxy that speaks S3, and one server each for accounts, containers and objects.
It checks every signature and syncs what it acknowledges.
"""

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

START_SECONDS = 180.0
LOG_TAIL_BYTES = 3000

_MODULES = {
    "account": "swift.account.server",
    "container": "swift.container.server",
    "object": "swift.obj.server",
    "proxy": "swift.proxy.server",
}

# No `cache`: a memcached on this machine would mix up servers that run at the same time.
_FILTERS = "catch_errors gatekeeper healthcheck listing_formats bulk s3api tempauth copy slo versioned_writes"

# Run in a process of its own, because importing Swift imports eventlet, which Celery and others look out for.
_MAKE_RINGS = """
import sys
from swift.common.ring import RingBuilder

for argument in sys.argv[2:]:
    name, port = argument.split("=")
    builder = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
    place = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "disk"}
    builder.add_dev({**place, "weight": 1})
    builder.rebalance()
    builder.get_ring().save(f"{sys.argv[1]}/{name}.ring.gz")
"""

# Asks the kernel to kill the server when its parent dies (1 is PR_SET_PDEATHSIG), unless it is dead by now.
_SERVE = """
import ctypes, importlib, os, signal, sys

ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv.pop(1)):
    sys.exit("the parent is gone")
importlib.import_module(sys.argv.pop(1)).main()
"""


class SwiftServer:
    """One Swift below `folder`, which must be on a file system with user attributes (ext4, xfs, btrfs).

    `endpoint_url` and the data stay the same over `stop()` and `start()`. Buckets are addressed by path.
    The servers die with the thread that called `start()`: call it from one that lives as long as the tests.
    """

    access_key_id = "test:test"
    secret_access_key = "testsecret"
    region = "us-east-1"

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._disk = self._folder / "devices" / "disk"
        self._disk.mkdir(parents=True, exist_ok=True)
        _require_user_attributes(self._disk)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        # A bound socket that never listens keeps its port from all that ask for a free one, also while
        # Swift is stopped, and still lets Swift listen there, because both set SO_REUSEADDR.
        self._reserved = {name: _reserve_port() for name in _MODULES}
        self._ports = {name: int(held.getsockname()[1]) for name, held in self._reserved.items()}
        self.endpoint_url = f"http://127.0.0.1:{self._ports['proxy']}"
        self._write_files()

    def start(self) -> None:
        """Returns when all four servers answer.

        Raises:
            RuntimeError: with the end of the log of the server that did not; nothing is left running.
        """
        try:
            for name in _MODULES:
                self._processes[name] = self._spawn(name)
            deadline = time.monotonic() + START_SECONDS
            for name in _MODULES:
                self._wait_until_ready(name, deadline)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Kills the servers without a warning; what was acknowledged is on the disk. Repeatable."""
        self._signal(signal.SIGKILL)
        for process in self._processes.values():
            process.wait()
        self._processes.clear()

    def pause(self) -> None:
        """Accept connections and answer nothing, until `resume()` or `stop()`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stops and gives the ports back; the server cannot be started again."""
        self.stop()
        for held in self._reserved.values():
            held.close()

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes.values():
            process.send_signal(number)

    def _write_files(self) -> None:
        (self._folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\n")
        for name in _MODULES:
            (self._folder / f"{name}.conf").write_text(self._configuration(name))
        rings = [f"{name}={port}" for name, port in self._ports.items() if name != "proxy"]
        subprocess.run([sys.executable, "-c", _MAKE_RINGS, str(self._folder), *rings], check=True)

    def _configuration(self, name: str) -> str:
        filters = _FILTERS if name == "proxy" else "healthcheck"
        options = {
            "proxy-server": (
                "account_autocreate = true\nallow_account_management = true\n"
                # By default a server that failed ten times, as one that has not quite started, is left alone for 60 s.
                "error_suppression_interval = 1\nerror_suppression_limit = 1000000\n"
            ),
            "s3api": f"location = {self.region}\n",
            "tempauth": f"user_{self.access_key_id.replace(':', '_')} = {self.secret_access_key} .admin\n",
        }
        # Without `workers = 0` a server forks, and a grandchild would outlive a killed test run.
        text = (
            f"[DEFAULT]\nswift_dir = {self._folder}\ndevices = {self._disk.parent}\n"
            f"bind_ip = 127.0.0.1\nbind_port = {self._ports[name]}\n"
            f"user = {pwd.getpwuid(os.getuid()).pw_name}\nworkers = 0\nlog_level = WARNING\n"
            "mount_check = false\ndisable_fallocate = true\nfallocate_reserve = 0\n"
            f"[pipeline:main]\npipeline = {filters} {name}-server\n"
            f"[app:{name}-server]\nuse = egg:swift#{name}\n{options.get(f'{name}-server', '')}"
        )
        for item in filters.split():
            text += f"[filter:{item}]\nuse = egg:swift#{item}\n{options.get(item, '')}"
        return text

    def _spawn(self, name: str) -> subprocess.Popen[bytes]:
        arguments = [str(os.getpid()), _MODULES[name], str(self._folder / f"{name}.conf"), "--verbose"]
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _SERVE, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    def _wait_until_ready(self, name: str, deadline: float) -> None:
        while not _is_healthy(self._ports[name]):
            has_exited = self._processes[name].poll() is not None
            if has_exited or time.monotonic() > deadline:
                reason = "exited" if has_exited else f"was not ready within {START_SECONDS:g} s"
                log = (self._folder / f"{name}.log").read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
                raise RuntimeError(f"Swift's {name} server {reason}. The end of its log:\n{log}")
            time.sleep(0.02)


@contextlib.contextmanager
def swift_server(folder: Path) -> Iterator[SwiftServer]:
    """A started Swift that keeps everything below `folder` (made if missing); it is stopped at the end."""
    server = SwiftServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.close()


def _reserve_port() -> socket.socket:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


def _require_user_attributes(folder: Path) -> None:
    try:
        os.setxattr(folder, "user.slipbin", b"")
    except OSError as error:
        raise RuntimeError(f"Swift needs user attributes on files, and {folder} has none") from error


def _is_healthy(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET /healthcheck HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(1024)
    except OSError:
        return False
