"""Detects the languages of pastes whose authors name none, in the background after they are created.

The queue is bounded, and lost with the process. Neither matters: a paste whose language was never looked for is
offered again when its text is read.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.object_store import ObjectMissingError
from main_service.engines.postgres import Session
from main_service.engines.redis import RedisUnavailableError
from main_service.engines.texts import BodyStore
from main_service.errors import UnavailableError
from main_service.languages import storage
from main_service.languages.storage import Detected
from main_service.monitoring.metrics import LANGUAGE_DETECTIONS
from main_service.rendering.detection import NOTHING_FOUND, SAMPLE_BYTES, sample
from main_service.rendering.detector import ChildEndedError, LanguageDetector
from main_service.resources import Resources

Invalidate = Callable[[Sequence[str]], Awaitable[None]]

logger = logging.getLogger(__name__)

MAX_WAITING = 256
"""Pastes. Their samples take at most 16 MiB."""
LARGEST_BATCH = 16
"""How many are stored in one transaction."""
MAX_NOT_FOUND = 10_000
"""How many texts are remembered in which nothing was found without magika, so that not each reading tries again."""
PAUSE_SECONDS = 30.0
"""How long nothing is tried after the child could not be started, or the database was away."""


@dataclass(frozen=True)
class _Waiting:
    key: str
    body_id: UUID
    title: str | None
    sampled: bytes | None
    """None: to be read from the object store."""


class LanguageDetection:
    """Takes pastes whose language is unknown, and stores it when it is found. One per web process."""

    def __init__(
        self,
        *,
        sessions: async_sessionmaker[Session],
        bodies: BodyStore,
        detector: LanguageDetector,
    ) -> None:
        self._sessions = sessions
        self._invalidate: Invalidate | None = None
        self._bodies = bodies
        self._detector = detector
        self._waiting: OrderedDict[UUID, _Waiting] = OrderedDict()
        self._current: set[UUID] = set()
        self._not_found: OrderedDict[UUID, None] = OrderedDict()
        self._is_there = asyncio.Event()
        self._resume_at = 0.0

    def set_invalidate(self, invalidate: Invalidate) -> None:
        """Register what to call with the keys of entries whose language was stored."""
        self._invalidate = invalidate

    def offer(self, key: str, body_id: UUID, *, title: str | None, text: bytes | None) -> None:
        """Take a paste whose language is unknown, if there is room. `text`: None to have it read from the store."""
        if body_id in self._not_found or body_id in self._waiting or body_id in self._current:
            return
        if len(self._waiting) >= MAX_WAITING or asyncio.get_running_loop().time() < self._resume_at:
            LANGUAGE_DETECTIONS.labels("refused").inc()
            return
        sampled = None if text is None else sample(text)
        self._waiting[body_id] = _Waiting(key, body_id, title, sampled)
        self._is_there.set()

    async def run(self) -> None:
        """Look at what waits until this is cancelled."""
        while True:
            await self._is_there.wait()
            self._is_there.clear()
            while self._waiting:
                try:
                    await self._look_at_next()
                except UnavailableError as error:
                    self._give_up("the database or the store is away", error)
                except Exception:
                    # A bug with one text must not end the detection.
                    LANGUAGE_DETECTIONS.labels("failed").inc()
                    logger.exception("The language of pastes can't be detected")
                finally:
                    self._current.clear()

    async def _look_at_next(self) -> None:
        batch = [self._waiting.popitem(last=False)[1] for _ in range(min(len(self._waiting), LARGEST_BATCH))]
        self._current = {each.body_id for each in batch}
        found: list[Detected] = []
        for each in batch:
            try:
                language = await self._detect(each)
            except ChildEndedError as error:
                if error.status is None:
                    self._give_up("its process does not start", error)
                    break
                # It is not tried again: a text that ends the child would do so with each reader.
                logger.warning("A text ended the process that looks for languages (%s)", error)
                LANGUAGE_DETECTIONS.labels("failed").inc()
                language = NOTHING_FOUND
            if language is None:
                self._remember_not_found(each.body_id)
            else:
                found.append(Detected(each.key, each.body_id, language))
        if found:
            await self._store(found)

    async def _detect(self, waiting: _Waiting) -> str | None:
        """The language, `NOTHING_FOUND`, or None: nothing is known of it."""
        sampled = waiting.sampled
        if sampled is None and (sampled := await self._read(waiting.body_id)) is None:
            return None
        language = await self._detector.detect(waiting.title, sampled)
        LANGUAGE_DETECTIONS.labels("found" if language else "nothing").inc()
        return language

    async def _read(self, body_id: UUID) -> bytes | None:
        """The beginning of a text; None: it is gone."""
        parts: list[bytes] = []
        size = 0
        try:
            async for chunk in await self._bodies.open(body_id):
                parts.append(chunk)
                size += len(chunk)
                if size >= SAMPLE_BYTES:
                    break
        except ObjectMissingError:
            return None
        return b"".join(parts)[:SAMPLE_BYTES].decode(errors="ignore").encode()

    async def _store(self, found: list[Detected]) -> None:
        async with self._sessions() as session:
            keys = await storage.note_detected(session, found)
            await session.commit()
        if not keys or self._invalidate is None:
            return
        try:
            await self._invalidate(keys)
        except RedisUnavailableError as error:
            logger.info("Redis did not learn of languages; it will within 10 s of its return: %s", error)

    def _remember_not_found(self, body_id: UUID) -> None:
        self._not_found[body_id] = None
        if len(self._not_found) > MAX_NOT_FOUND:
            self._not_found.popitem(last=False)

    def _give_up(self, reason: str, error: Exception) -> None:
        """Drop what waits, and take nothing for a while. Readers offer it again."""
        LANGUAGE_DETECTIONS.labels("failed").inc(len(self._waiting) + 1)
        self._waiting.clear()
        self._resume_at = asyncio.get_running_loop().time() + PAUSE_SECONDS
        logger.warning("Languages are not detected for %g s, because %s: %r", PAUSE_SECONDS, reason, error)


@asynccontextmanager
async def open_language_detection(resources: Resources) -> AsyncIterator[LanguageDetection | None]:
    """A detection that works until the end of the context; None where the settings want none."""
    if not resources.settings.detect_languages:
        yield None
        return
    async with LanguageDetector() as detector:
        detection = LanguageDetection(
            sessions=resources.sessions,
            bodies=resources.bodies,
            detector=detector,
        )
        running = asyncio.create_task(detection.run())
        try:
            yield detection
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
