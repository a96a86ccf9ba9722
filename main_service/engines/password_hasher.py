"""Hashes and checks passwords (Argon2id) in few threads, so that a crowd at the door stops nothing else.

The threads are shared fairly between client addresses: a crowd from one of them keeps only itself waiting.
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
"""A hash keeps a core busy for tens of milliseconds and takes 64 MiB."""
WAIT_SECONDS = 4.0
LONGEST_QUEUE = 20
"""Passwords of one client address (IPv6: its /64) that wait. About as many have their turn in `WAIT_SECONDS`."""
NICENESS = 5
"""A third of the time that a thread gets which stands back from nobody."""

Outcome = TypeVar("Outcome")


class PasswordHasher:
    """One per process.

    Raises:
        PasswordsBusyError: from every method, when so many wait that one's turn would come too late, or from one
            `address`. None: clients that can't be told from others, or no client.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHash.recommended()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords", initializer=_stand_back)
        self._turns = FairTurns(THREADS, longest_queue=LONGEST_QUEUE)
        self._nobodys_hash: str | None = None

    async def hash(self, password: str, *, address: ClientAddress) -> str:
        return await self._run(address, lambda: self._hasher.hash(password))

    async def verify(self, password: str, hashed_password: str | None, *, address: ClientAddress) -> bool:
        """Whether it is the password. None is the hash of no account: it takes as long, and is wrong."""
        if hashed_password is None:
            if self._nobodys_hash is None:
                self._nobodys_hash = await self.hash("nobody's password", address=address)
            await self._run(address, lambda: self._hasher.verify(password, self._nobodys_hash or ""))
            return False
        return await self._run(address, lambda: self._hasher.verify(password, hashed_password))

    def close(self) -> None:
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
    """Let whoever only reads go first where there is one core for both: Linux has a priority for each thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
