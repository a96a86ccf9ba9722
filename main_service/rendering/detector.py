"""Detects languages in a child of its own, which starts with the first text and ends after a while without any.

Not in the renderer: a reader would wait while the model is loaded, and every web process would keep its 60 MB for good.
"""

import asyncio
from types import TracebackType

from main_service.rendering.child import Child, ChildEndedError, Limits
from main_service.rendering.detection import NOTHING_FOUND
from main_service.rendering.errors import NotRenderedError
from main_service.rendering.job import Job

IDLE_SECONDS = 30.0
"""How long the child stays without a text. Starting it and loading the model takes 0.4 s of processor time."""
KIND = "language"


class LanguageDetector:
    """One text at a time. Use it as a context, which ends the child."""

    def __init__(self, *, limits: Limits | None = None, idle_seconds: float = IDLE_SECONDS) -> None:
        self._limits = limits or Limits()
        self._idle_seconds = idle_seconds
        self._child: Child | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._endings: set[asyncio.Task[int]] = set()

    async def __aenter__(self) -> "LanguageDetector":
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stay()
        await self._end()
        await asyncio.gather(*self._endings)

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return None if self._child is None or self._child.has_ended else self._child.pid

    async def detect(self, title: str | None, sampled: bytes) -> str | None:
        """The alias of the language, `NOTHING_FOUND`, or None: nothing found, but without magika, so it may be tried
        again.

        Raises:
            ChildEndedError: the child could not be started, or ended.
        """
        self._stay()
        try:
            if self._child is not None and self._child.has_ended:
                # No text was the cause: it was killed while it had none, or has said that it takes no other.
                await self._end()
            if self._child is None:
                self._child = await Child.start(self._limits)
            job = Job(kind=KIND, text=sampled, subject=None, options={"title": title})
            facts = (await self._child.do(job)).facts
        except NotRenderedError:
            return NOTHING_FOUND
        except BaseException:
            # Also when cancelled, or the late answer would be taken for that of the next text.
            await self._end()
            raise
        finally:
            if self._child is not None:
                self._ending = asyncio.get_running_loop().call_later(self._idle_seconds, self._end_idle)
        return str(facts["language"]) if facts["is_final"] else None

    def _stay(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    def _end_idle(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            ending = asyncio.create_task(child.kill())
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.kill()


__all__ = ["ChildEndedError", "LanguageDetector"]
