"""Header fields that tell a client its limits (draft-ietf-httpapi-ratelimit-headers-11).

`RateLimit-Policy` names the quotas, and `RateLimit` says what is left of each, and in how many seconds all of it is
back.
"""

from collections.abc import Sequence
from typing import Any

from main_service.engines.rate_limits import RateLimit, Verdict

POLICY, STATE = "RateLimit-Policy", "RateLimit"

_STATE_DOCUMENTATION = {
    "description": "What is left of each limit (`r`), and the seconds until it is full again (`t`).",
    "schema": {"type": "string"},
}
_POLICY_DOCUMENTATION = {
    "description": "The limits: how much (`q`, of requests unless `qu` says otherwise) in how many seconds (`w`).",
    "schema": {"type": "string"},
}
DOCUMENTATION: dict[str, Any] = {STATE: _STATE_DOCUMENTATION, POLICY: _POLICY_DOCUMENTATION}
"""The documentation of both fields for OpenAPI. Neither is sent where there is no limit."""


class RateLimitFields:
    """Both header fields for limits that apply together. Made once."""

    def __init__(self, limits: Sequence[RateLimit]) -> None:
        self._names = [f'"{limit.purpose}-{quota.window}"' for limit in limits for quota in limit.quotas]
        units = [f';qu="{limit.unit}"' if limit.unit else "" for limit in limits for _ in limit.quotas]
        quotas = [quota for limit in limits for quota in limit.quotas]
        self._policy = ", ".join(
            f"{name};q={quota.amount}{unit};w={quota.seconds}"
            for name, unit, quota in zip(self._names, units, quotas, strict=True)
        )
        self._raw_policy = (POLICY.lower().encode(), self._policy.encode())

    def headers(self, verdict: Verdict) -> dict[str, str]:
        """Both header fields; empty if there is no limit."""
        return {STATE: self._state(verdict), POLICY: self._policy} if verdict.counters else {}

    def raw(self, verdict: Verdict) -> list[tuple[bytes, bytes]]:
        """Both header fields in the form of ASGI."""
        return [(b"ratelimit", self._state(verdict).encode()), self._raw_policy] if verdict.counters else []

    def _state(self, verdict: Verdict) -> str:
        figures = zip(self._names, verdict.remaining(), verdict.reset_seconds(), strict=True)
        return ", ".join([f"{name};r={remaining};t={reset}" for name, remaining, reset in figures])
