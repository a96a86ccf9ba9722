"""The child: does jobs from standard input until its end, and answers on what was standard output."""

import gc
import os
import sys
from typing import BinaryIO

from main_service.rendering.confinement import MEMORY_BYTES, confine, limited_processor_time
from main_service.rendering.encodings import encoded
from main_service.rendering.job import Facts, ReceivedJob, read_job, written_answer
from main_service.rendering.kinds import render_of

READY = b"ready\n"
"""The first line it writes, once it can do jobs."""


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Do jobs until there are no more, or one has taken all memory."""
    # Before the first job, because a reader will be waiting for that.
    render_of("code")
    gc.freeze()
    answers.write(READY)
    answers.flush()
    while (job := read_job(jobs)) is not None:
        content, facts, failure = b"", Facts(), None
        has_memory = True
        try:
            with limited_processor_time(job.cpu_seconds):
                content, facts = _done(job)
        except MemoryError as error:
            has_memory, failure = False, type(error).__name__
        except Exception as error:  # a bug of a lexer: the text is shown plain
            failure = type(error).__name__
        answers.write(written_answer(content, facts, failure=failure, is_last=not has_memory))
        answers.write(content)
        answers.flush()
        if not has_memory:
            # The memory that is left is fragmented; a new process has all of it.
            return


def _done(job: ReceivedJob) -> tuple[bytes, Facts]:
    fragment = render_of(job.kind)(job.text.decode(), job.options)
    content = job.before + fragment.html.encode() + job.after
    return encoded(content, job.encoding), fragment.facts


def main() -> None:
    """Take the process id of the parent as the first argument, and perhaps how much memory to take as the second."""
    parent_pid, *memory_bytes = map(int, sys.argv[1:])
    confine(parent_pid, memory_bytes=memory_bytes[0] if memory_bytes else MEMORY_BYTES)
    # What a library prints must not end up among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
