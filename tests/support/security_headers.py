"""What each answer must carry against other sites, whatever it is."""

import re
from collections.abc import Sequence

REDIRECTS = {301, 302, 303, 307, 308}
PICTURE_FOR_OTHER_SITES = re.compile(r"/[^/]+/qr\.(svg|png)")
UNUSED_FEATURES = ["camera", "geolocation", "microphone", "payment", "usb"]


def assert_protected(status: int, headers: Sequence[tuple[str, str]], *, path: str) -> None:
    """`headers`: all of an answer, names in lower case."""
    names = [name for name, _ in headers]
    found = dict(headers)
    kind = found.get("content-type", "")
    expected = {"x-content-type-options": "nosniff"}
    policies = {
        "referrer-policy": "same-origin" if kind.startswith("text/html") else "no-referrer",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
    if PICTURE_FOR_OTHER_SITES.fullmatch(path) and status in (200, 304):
        policies["cross-origin-resource-policy"] = "cross-origin"
    every = {*policies, "content-security-policy", "permissions-policy"}
    where = (status, path, found)
    if status in REDIRECTS:
        assert not every & found.keys(), where
    else:
        expected |= policies
        csp = found["content-security-policy"]
        assert csp.startswith("default-src 'none'"), where
        assert "frame-ancestors 'none'" in csp, where
        assert "unsafe" not in csp, where
        features = found["permissions-policy"].split(", ")
        assert {f"{feature}=()" for feature in UNUSED_FEATURES} <= {*features}, where
    assert {name: found.get(name) for name in expected} == expected, where
    assert "x-robots-tag" in found, where
    assert "cache-control" in found, where
    # The gateway says it, who knows how long there will be a certificate.
    assert "strict-transport-security" not in found, where
    assert "server" not in found, where
    assert all(names.count(name) == 1 for name in {*every, *expected} & found.keys()), where
