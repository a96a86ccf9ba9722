"""Where signing in may lead to."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from main_service.web.safe_redirect import safe_redirect_target

SITE = "https://slipbin.test"

HOSTILE = [
    "", "profile", "https://evil.test/", "HTTPS://evil.test", "//evil.test", "///evil.test", "/\\evil.test",
    "\\\\evil.test", "\\/evil.test", "/\t/evil.test", "/\n/evil.test", "/\r/evil.test", "\t//evil.test",
    " //evil.test", "/ /evil.test\x00", "javascript:alert(1)", "data:text/html,x", "/%2f/evil.test", "/%2F%2Fevil.test",
    "/%5cevil.test", "/%5C%5Cevil.test", "/%255cevil.test", "/%252f/evil.test", "/%25252f/evil.test", "/%09/evil.test",
    "/%0a/evil.test", "/%0d%0aSet-Cookie:x=y", "/profile\r\nSet-Cookie: x=y", "/profile?x=%0d%0aSet-Cookie:x",
    "/\\evil.test/x", "/%5cevil.test/x", "/%255Cevil.test/x", "//evil.test/x", "/%2fevil.test/x", "/\t/evil.test/x",
    "/profile\x7f", "/profile\u2028", "/\u3000/evil.test\u202e", "//[evil", "/profile" + "x" * 3000, "/shortlink",
    "/shortlink?x=/settings", "/shortlink#/settings", "/shortlink/", "/x/../shortlink", "/x/%2e%2e/shortlink",
    "/x/%2E./shortlink", "/x/%252e%252e/shortlink", "/./shortlink", "/profile/../shortlink", "/shortlink%3F/x",
    "/shortlink%23/x", "/shortlink%253F/x", "/%", "@evil.test", ".evil.test", "/..//evil.test", "http:/profile",
    "http:profile", "?next=/profile", "#", "/profile%00/x",
    "/shortlink/reveal", "/shortlink/reveal?x=1", "/shortlink/%72eveal", "/shortlink/raw", "/shortlink/x",
]  # fmt: skip


@pytest.mark.parametrize("address", HOSTILE)
def test_address_that_may_lead_elsewhere_is_none_of_our_pages(address: str) -> None:
    assert safe_redirect_target(address) == "/profile"


@pytest.mark.parametrize(
    "address",
    [
        "/", "/profile", "/profile?q=100%25&sort=-created", "/settings", "/collections?page=2", "/c/AbCdEfGhJkL",
        "/AbCdEfGhJkL/manage", "/AbCdEfGhJkL/manage/edit", "/AbCdEfGhJkL/edit", "/AbCdEfGhJkL/stats",
        "/settings/delete", "/profile/export.csv", "/reports", "/reports?span=week", "/reports/1/file",
        "/profile?q=https%3A%2F%2Fexample.org%2F", "/profile?q=b%C3%BCcher",
    ],
)  # fmt: skip
def test_page_of_ours_is_led_to_as_it_was_asked_for(address: str) -> None:
    assert safe_redirect_target(address) == address


_PIECES = st.sampled_from(["/", "\\", "%2f", "%5c", "%252f", ".", "..", ":", "@", "http", "evil.test", "?", "#", "\t"])


@settings(deadline=None, derandomize=True, database=None)
@given(st.one_of(st.text(), st.lists(st.one_of(_PIECES, st.text(max_size=3)), max_size=12).map("".join)))
def test_whatever_is_asked_for_stays_on_the_site(address: str) -> None:
    page = safe_redirect_target(address)

    for seen in (page, page.replace("\\", "/")):
        parts = urlsplit(urljoin(SITE + "/sign-in", seen))
        assert (parts.scheme, parts.netloc) == ("https", "slipbin.test")
    assert page.isprintable()
