"""Counts requests by route, method and status, and times them. No label is a value that clients can make up."""

from http import HTTPStatus

from starlette.types import Scope

from main_service.monitoring.tallies import REQUESTS

NO_ROUTE = "other"
"""The route of requests for which there is none, and the method of those with one that their route doesn't have."""
CLIENT_LEFT = 499
"""The status of requests whose client left before an answer began; as nginx counts them."""
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])


def count_request(scope: Scope, *, status: int | None, seconds: float) -> None:
    """Count a request that the app is done with.

    `status`: None if its client left before an answer began. `seconds`: until then; how long a client takes to read is
    not ours.
    """
    method = scope["method"]
    # Each label takes some kilobytes in every process's files, which clients' mistakes are not worth.
    is_refused = method not in _METHODS or status == HTTPStatus.METHOD_NOT_ALLOWED
    REQUESTS.add(
        # For a mounted folder of files, the path at which it is mounted.
        getattr(scope.get("route"), "path", None) or scope.get("root_path") or NO_ROUTE,
        NO_ROUTE if is_refused else method,
        CLIENT_LEFT if status is None else status,
        None if is_refused else seconds,
    )
