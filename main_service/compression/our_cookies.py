"""Our cookies in a request: whether its answer may be one that everybody gets, and whether it may be compressed.

All that counts is whether a name occurs in the header. A cookie of another program on the same host may have it in its
content, and costs its sender a slower answer; to parse cookies would cost all readers.
"""

SESSION_COOKIE = "slipbin_session"
"""The cookie that keeps a user signed in on pages."""
MANAGE_COOKIE = "slipbin_manage"
"""The cookie with the manage token of a guest's entry."""

PERSONAL_COOKIES = (SESSION_COOKIE, MANAGE_COOKIE)
"""With one of them, a page may look different. Their names also stand in those that begin with a prefix like
`__Host-`."""
BEGIN_OF_OURS = "slipbin_"
"""How the name of each of our cookies begins, prefixes left aside."""

_PERSONAL_COOKIES = tuple(name.encode() for name in PERSONAL_COOKIES)
_BEGIN_OF_OURS = BEGIN_OF_OURS.encode()


def has_personal_cookie(header: bytes) -> bool:
    """Whether a page may look different for the sender of this header `Cookie`."""
    return any(name in header for name in _PERSONAL_COOKIES)


def has_our_cookie(header: bytes) -> bool:
    """Whether this header `Cookie` has any cookie of ours."""
    return _BEGIN_OF_OURS in header
