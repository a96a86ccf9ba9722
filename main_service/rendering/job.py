"""A job for the renderer, what comes back, and how both travel: a line of JSON, then bytes."""

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

Encoding = Literal["identity", "gzip", "zstd"]
Option = str | int | bool | None
Facts = dict[str, str | int | float | bool | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A text and what to make of it."""

    kind: str
    """A name in `kinds.KINDS`."""
    text: bytes = field(repr=False)
    """UTF-8."""
    subject: Hashable
    """What the text is known by, such as its `body_id`: jobs of one subject have one text."""
    options: Mapping[str, Option] = field(default_factory=dict)
    """What the kind wants to know besides, such as `syntax`."""
    before: bytes = field(default=b"", repr=False)
    """HTML that goes before the rendered text, as UTF-8."""
    after: bytes = field(default=b"", repr=False)
    encoding: Encoding = "identity"
    """How all of it is compressed, by the names of `Content-Encoding`."""

    @property
    def identity(self) -> Hashable:
        """Equal for jobs that give the same content."""
        return (self.task, self.before, self.after, self.encoding)

    @property
    def task(self) -> Hashable:
        """Equal for jobs that do the same with the same text, and so would fail alike."""
        return (self.kind, self.subject, *sorted(self.options.items()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """What the renderer has made of a job."""

    content: bytes = field(repr=False)
    """`before`, the HTML and `after`, compressed as the job wanted."""
    facts: Facts
    """What the kind found out besides, such as `lines`."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a kind makes of a text: safe HTML, and facts about it."""

    html: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedJob:
    """A job as the child gets it."""

    kind: str
    text: bytes
    options: Mapping[str, Option]
    before: bytes
    after: bytes
    encoding: Encoding
    cpu_seconds: float


def written_job(job: Job, *, cpu_seconds: float) -> bytes:
    """The head of a job as the child reads it; `before`, `after` and the text follow.

    `cpu_seconds`: processor time after which the kernel ends the child.
    """
    head = {
        "kind": job.kind,
        "options": dict(job.options),
        "encoding": job.encoding,
        "cpu_seconds": cpu_seconds,
        "sizes": [len(job.before), len(job.after), len(job.text)],
    }
    return json.dumps(head).encode() + b"\n"


def read_job(stream: BinaryIO) -> ReceivedJob | None:
    """The next job; None at the end of the stream, also in the middle of a job."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    head = json.loads(line)
    parts = [stream.read(size) for size in head.pop("sizes")]
    before, after, text = parts
    return ReceivedJob(before=before, after=after, text=text, **head)


def written_answer(content: bytes, facts: Facts, *, failure: str | None, is_last: bool) -> bytes:
    """The head of an answer; the content follows.

    `failure`: the class of what `render` raised; None: it is done. `is_last`: the child ends now.
    """
    head = {"size": len(content), "facts": facts, "failure": failure, "is_last": is_last}
    return json.dumps(head).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """What comes before the content of an answer."""

    size: int
    facts: Facts
    failure: str | None
    is_last: bool


def read_answer_head(line: bytes) -> AnswerHead:
    return AnswerHead(**json.loads(line))
