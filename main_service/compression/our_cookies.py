"""Our cookies in a request: whether it may get the answer that everyone gets, and whether that may be compressed.

Only looks for names in the header. A cookie of another program that contains such a name makes its sender's answer
slower; parsing cookies would make all answers slower.
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
