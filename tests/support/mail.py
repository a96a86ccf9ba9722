"""Enqueues emails as a feature does, and sends them as a worker does: rounds of the task, in a process of its own."""

import os
import select
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from main_service.engines.postgres import Session, create_engine
from main_service.mail.outbox import enqueue
from tests.support import forking
from tests.support.engines import START_SECONDS, Environment, full

CODE = """
import logging, sys
from main_service.worker import app
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
for name in sys.stdin:
    app.tasks["main_service." + name.strip()]()
    print("done", flush=True)
"""

RESET = {"link": "https://paste.example.org/reset/a-secret-token", "hours": "1"}


class MailWorker:
    """A process that runs tasks of mail one by one; what it logs is in the file `log`."""

    def __init__(self, environment: Environment, log: Path) -> None:
        self._log = log
        self._seen = 0
        its_input, names = os.pipe()
        ends, its_output = os.pipe()
        self._names, self._ends = open(names, "w"), open(ends)  # noqa: PTH123, SIM115 - closed at the end
        with log.open("wb") as output:
            self.process = forking.start(
                *("-c", CODE), environment=full(environment), stdin=its_input, stdout=its_output, stderr=output
            )
        os.close(its_input)
        os.close(its_output)

    def __enter__(self) -> "MailWorker":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.kill()

    def begin(self, task: str = "send_mail") -> None:
        self._names.write(f"{task}\n")
        self._names.flush()

    def wait(self) -> str:
        """Wait for the end of the round that has begun; return what it logged."""
        ready, _, _ = select.select([self._ends], [], [], START_SECONDS)
        assert ready, "the round does not end"
        assert self._ends.readline() == "done\n", self._log.read_text()
        written = self._log.read_text()
        before, self._seen = self._seen, len(written)
        return written[before:]

    def run(self, task: str = "send_mail") -> str:
        """Run one round; return what it logged."""
        self.begin(task)
        return self.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self._names, self._ends):
            pipe.close()


class EnqueueEmail:
    """Calls `enqueue`, each time in a transaction of its own."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    async def __call__(
        self,
        recipient: str,
        *,
        dedup_key: str | None = None,
        template: str = "reset",
        values: dict[str, str] = RESET,
        is_committed: bool = True,
    ) -> bool:
        engine = create_engine(self._database_url, pool_size=None)
        try:
            async with Session(engine) as session:
                is_new = await enqueue(
                    session,
                    dedup_key=dedup_key or f"test:{uuid4()}",
                    recipient=recipient,
                    template=template,
                    values=values,
                )
                if is_committed:
                    await session.commit()
                return is_new
        finally:
            await engine.dispose()
