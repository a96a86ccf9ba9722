"""Cursors that a client was given go on working: their formats never change."""

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from main_service.settings import Settings
from main_service.web.cursors import CursorInvalidError, Cursors, Position, read_time_cursor, write_time_cursor
from tests.support.engines import SECRET

AT = datetime(2026, 10, 31, 23, 59, 59, 123456, tzinfo=UTC)
# Made by the previous release.
SIGNED = [
    (
        "qey2jjnWTd7I2l_C0wI2_lsiLWNyZWF0ZWQiLCIyMDI2LTEwLTMxVDIzOjU5OjU5LjEyMzQ1NiswMDowMCIsIjRhQmNEZUYiXQ",
        "-created",
        AT,
    ),
    ("6SfbamFiSxy_UXT_hvFrq1sidGl0bGUiLCJzdHJhw59lICYgY28iLCI0YUJjRGVGIl0", "title", "straße & co"),
    ("RQdFSmwQ15zj5kN5U78xvVsiZXhwaXJlcyIsbnVsbCwiNGFCY0RlRiJd", "expires", None),
]
BY_TIME = "1793491199123456.4aBcDeF"


@pytest.mark.parametrize(("cursor", "sort", "value"), SIGNED)
def test_signed_cursor_is_read_as_ever_and_written_so_that_the_release_before_reads_it(
    cursor: str, sort: str, value: datetime | str | None
) -> None:
    cursors = Cursors(Settings.model_construct(secret=SecretStr(SECRET)))
    position = Position(value=value, key="4aBcDeF")

    assert cursors.read(cursor, sort, is_by_time=sort != "title") == position
    assert cursors.write(position, sort) == cursor


def test_cursor_by_time_is_read_as_ever_and_written_so_that_the_release_before_reads_it() -> None:
    position = Position(value=AT, key="4aBcDeF")

    assert read_time_cursor(BY_TIME) == position
    assert write_time_cursor(position) == BY_TIME


@pytest.mark.parametrize(
    "cursor", ["", ".", "1", "1.ab", "x.4aBcDeF", "-1.4aBcDeF", "12345678901234567.4aBcDeF", "1.a.b", "1.4aBcDeF\n"]
)
def test_what_is_no_cursor_by_time_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalidError):
        read_time_cursor(cursor)
