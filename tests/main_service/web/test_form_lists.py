"""Forms with many boxes of one name: read within limits, whichever way they are encoded."""

import asyncio
from urllib.parse import urlencode

import pytest
from fastapi import Request

from main_service.errors import BodyTooLargeError, InvalidInputError
from main_service.web.bodies.form import MAX_LISTED_FIELDS, read_form, read_list_form

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"


def request_of(body: bytes, content_type: str) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def read_lists(fields: list[tuple[str, str]], content_type: str) -> dict[str, str]:
    if content_type == URLENCODED:
        body = urlencode(fields).encode()
    else:
        parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields]
        body = "".join([*parts, "--x--\r\n"]).encode()
    return asyncio.run(read_list_form(request_of(body, content_type)))


@pytest.mark.parametrize("content_type", [URLENCODED, MULTIPART])
def test_values_of_one_name_come_in_their_order(content_type: str) -> None:
    fields = [("keys", "b"), ("view", "q=ä\r\n"), ("keys", "a"), ("keys", "b"), ("empty", "")]

    assert read_lists(fields, content_type) == {"keys": "b\na\nb", "view": "q=ä\n", "empty": ""}


@pytest.mark.parametrize("content_type", [URLENCODED, MULTIPART])
def test_too_many_fields_are_refused(content_type: str) -> None:
    most = [("keys", str(n)) for n in range(MAX_LISTED_FIELDS)]

    assert len(read_lists(most, content_type)["keys"].split("\n")) == MAX_LISTED_FIELDS
    with pytest.raises(InvalidInputError):
        read_lists([*most, ("keys", "more")], content_type)


def test_limits_of_other_forms_hold_for_lists_too_and_theirs_have_stayed() -> None:
    with pytest.raises(BodyTooLargeError):
        read_lists([("keys", "a" * 65_536)], URLENCODED)
    for body, content_type in ((b"keys=%ff", URLENCODED), (b"{}", "application/json"), (b"keys=\xff", URLENCODED)):
        with pytest.raises(InvalidInputError):
            asyncio.run(read_list_form(request_of(body, content_type)))
    for body in (b"a=1&a=2", b"&".join(b"a%d=1" % n for n in range(21))):
        with pytest.raises(InvalidInputError):
            asyncio.run(read_form(request_of(body, URLENCODED)))
