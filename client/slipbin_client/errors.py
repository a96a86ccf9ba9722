"""How the client ends: its exit codes, and the expected failures that lead to them."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a script can tell apart. The descriptions are printed by the man page."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_ALLOWED = 4
    CONFLICT = 5
    TOO_OFTEN = 6
    UNREACHABLE = 7
    SERVICE_FAILED = 8
    INTERRUPTED = 130
    PIPE_CLOSED = 141


EXIT_CODES = {
    ExitCode.DONE: "Done.",
    ExitCode.REFUSED: "The input or part of it can't be used, or the service refused it for a reason not listed here.",
    ExitCode.USAGE: "The command line is wrong.",
    ExitCode.NOT_FOUND: "There is no such entry, or it has ended.",
    ExitCode.NOT_ALLOWED: "Not allowed: an API token or manage token is missing, wrong or read-only.",
    ExitCode.CONFLICT: "The alias is taken, or someone else changed the entry meanwhile.",
    ExitCode.TOO_OFTEN: "A limit of the service was reached, and the wait would be longer than --max-wait.",
    ExitCode.UNREACHABLE: "The service can't be reached, or the connection broke.",
    ExitCode.SERVICE_FAILED: "The service failed, again and again.",
    ExitCode.INTERRUPTED: "Interrupted with Ctrl-C.",
    ExitCode.PIPE_CLOSED: "The program that read the output has ended, as with `| head`.",
}


class ClientError(Exception):
    """An expected failure: a sentence for people, and the exit code."""

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.REFUSED) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


class PipeClosedError(Exception):
    """The program that reads our output has ended. It is not an OSError, for which Typer would exit with 1."""


class ServiceError(ClientError):
    """The service answered with an error.

    `code` is its code for programs; empty if the answer had none. `was_repeated`: an earlier try may have been carried
    out, though its answer was lost.
    """

    def __init__(self, message: str, exit_code: ExitCode, *, code: str = "", was_repeated: bool = False) -> None:
        super().__init__(message, exit_code)
        self.code = code
        self.was_repeated = was_repeated
