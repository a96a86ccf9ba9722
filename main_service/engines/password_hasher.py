"""Hashes and checks passwords (Argon2id) in few threads, so that a crowd at the door stops nothing else."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pwdlib import PasswordHash

from main_service.errors import PasswordsBusyError

THREADS = 2
"""A hash keeps a core busy for tens of milliseconds and takes 64 MiB."""
WAIT_SECONDS = 4.0
NICENESS = 5
"""A third of the time that a thread gets which stands back from nobody."""

Answer = TypeVar("Answer")


class Passwords:
    """One per process.

    Raises:
        PasswordsBusyError: from every method, when so many wait that one's turn would come too late.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHash.recommended()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords", initializer=_stand_back)
        self._turns = asyncio.Semaphore(THREADS)
        self._nobodys_hash: str | None = None

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password: str, hashed_password: str | None) -> bool:
        """Whether it is the password. None is nobody's hash: it takes as long, and is wrong."""
        if hashed_password is None:
            if self._nobodys_hash is None:
                self._nobodys_hash = await self.hash("nobody's password")
            await self._run(lambda: self._hasher.verify(password, self._nobodys_hash or ""))
            return False
        return await self._run(lambda: self._hasher.verify(password, hashed_password))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._turns.acquire()
        except TimeoutError as error:
            raise PasswordsBusyError from error
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._turns.release()


def _stand_back() -> None:
    """Let whoever only reads go first where there is one core for both: Linux has a priority for each thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
