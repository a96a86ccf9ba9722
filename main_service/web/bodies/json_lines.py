"""Reads a body of JSON Lines line by line, so that one line is in memory and not all of them."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import cast

from fastapi import Request
from starlette.exceptions import HTTPException

from main_service.errors import AppError, BodyTooLargeError, UnavailableError

MAX_NUMBER = 100_000
"""The most lines of a body, including empty ones, which take time although they are only a byte."""

Line = bytes | AppError
"""A line without its LF, or why it could not be read."""


class LineTooLongError(AppError, status=413, code="line_too_long"):
    message = "This line is too long, so it was skipped."


async def read_lines(request: Request, *, max_line_bytes: int) -> AsyncIterator[tuple[int, Line]]:
    """The lines of the body that aren't empty, each with its number, the first being 1.

    If the body is refused while it is read, the last line is the reason, because the earlier lines have been used.

    Raises:
        HTTPException: it is refused before any of it is read.
        starlette.requests.ClientDisconnect: the client went away.
    """
    number = 0
    # Grows as it arrives: joining the chunks of a long line at the end would block all other requests.
    line = bytearray()
    has_begun = is_too_long = False
    try:
        async for chunk in request.stream():
            has_begun = True
            *ends, rest = chunk.split(b"\n")
            for end in ends:
                number += 1
                if number > MAX_NUMBER:
                    yield number, BodyTooLargeError("There are too many lines. The rest was not read.")
                    return
                line += end
                if is_too_long or len(line) > max_line_bytes:
                    yield number, LineTooLongError()
                elif line and not line.isspace():
                    yield number, cast(bytes, line)
                line, is_too_long = bytearray(), False
            line += rest
            if is_too_long or len(line) > max_line_bytes:
                line, is_too_long = bytearray(), True
    except HTTPException as error:
        if not has_begun:
            raise
        if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            yield number + 1, BodyTooLargeError("The body is too large. The rest was not read.")
            return
        if error.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            yield number + 1, UnavailableError(error.detail)
            return
        raise
    if is_too_long:
        yield number + 1, LineTooLongError()
    elif line and not line.isspace():
        yield number + 1, cast(bytes, line)
