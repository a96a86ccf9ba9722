"""Pastes and short links: web pages, JSON API and background work."""

import sys
from importlib import import_module
from types import ModuleType
from typing import cast

_SDK = "opentelemetry.sdk"


def _import_redis_alone() -> None:
    """Import redis-py as if OpenTelemetry's SDK were not installed: it would load that for metrics of its own."""
    if _SDK in sys.modules:
        return
    sys.modules[_SDK] = cast("ModuleType", None)
    try:
        import_module("redis.observability.providers")
    finally:
        del sys.modules[_SDK]


# The renderer imports neither, and starts five times as fast without them.
if "main_service.rendering" not in sys.orig_argv:
    _import_redis_alone()
