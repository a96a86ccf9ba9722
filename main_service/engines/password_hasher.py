"""Hashes and checks passwords (Argon2id) in few threads, so that many sign-ins at once slow down nothing else.

The threads are shared fairly between client addresses: many sign-ins from one address only wait for each other.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pwdlib import PasswordHash

from main_service.engines.fair_turns import FairTurns, QueueFullError
from main_service.engines.rate_limits import ClientAddress, subject_of
from main_service.errors import PasswordsBusyError

THREADS = 2
"""How many hashes are computed at once. Each keeps a core busy for tens of milliseconds and takes 64 MiB."""
WAIT_SECONDS = 4.0
"""How long a password may wait for its turn."""
LONGEST_QUEUE = 20
"""How many passwords of one client address (IPv6: its /64) may wait; about as many get a turn in `WAIT_SECONDS`."""
NICENESS = 5
"""What is added to the threads' nice value: where cores are short, they get a third of another thread's time."""
LOWEST_PRIORITY = 19

Outcome = TypeVar("Outcome")


class PasswordHasher:
    """Hashes and verifies in threads of its own; one per process.

    `address` of a method: the client's; None if clients can't be told apart, or there is none.

    Raises:
        PasswordsBusyError: from every method, when too many passwords wait, of all clients or of this one.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHash.recommended()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords", initializer=_stand_back)
        self._turns = FairTurns(THREADS, longest_queue=LONGEST_QUEUE)
        self._dummy_hash: str | None = None

    async def hash(self, password: str, *, address: ClientAddress) -> str:
        """The Argon2id hash, with its salt and parameters in it."""
        return await self._run(address, lambda: self._hasher.hash(password))

    async def verify(self, password: str, hashed_password: str | None, *, address: ClientAddress) -> bool:
        """Whether it is the password. `hashed_password`: None if there is no account, which takes as long."""
        if hashed_password is None:
            if self._dummy_hash is None:
                self._dummy_hash = await self.hash("a password of no account", address=address)
            await self._run(address, lambda: self._hasher.verify(password, self._dummy_hash or ""))
            return False
        return await self._run(address, lambda: self._hasher.verify(password, hashed_password))

    def close(self) -> None:
        """End the threads; passwords that wait are given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, address: ClientAddress, work: Callable[[], Outcome]) -> Outcome:
        client = None if address is None else subject_of(address)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._turns.acquire(client)
        except (QueueFullError, TimeoutError) as error:
            raise PasswordsBusyError from error
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._turns.release()


def _stand_back() -> None:
    """Give other threads precedence where cores are short. Linux has a priority for each thread."""
    if sys.platform == "linux":
        # A thread may give up precedence, but not take it: the process itself may have been started with less.
        niceness = min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, LOWEST_PRIORITY)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
