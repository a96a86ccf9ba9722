"""Requests to the service: sent again where that is safe, after the wait that the service asks for."""

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NoReturn

import httpx

from slipbin_client import VERSION, times
from slipbin_client.errors import ClientError, ExitCode, ServiceError
from slipbin_client.unreachable import why_unreachable

TIMEOUT = httpx.Timeout(60, connect=15)
REPEATS = 4
"""How often a request is sent again after a failure or a lost answer. After 429 only the wait is limited."""
_FIRST_WAIT_SECONDS = 1.0

_OPTION_NAMES = {
    "original_url": "URL",
    "expires_in": "--expires",
    "expires_at": "--expires",
    **{name: f"--{name}" for name in ("alias", "collection", "format", "from", "syntax", "title", "to", "views")},
    "visibility": "--visibility",
}
"""What a field of the API is called on the command line."""

Headers = Mapping[str, str]
Query = Mapping[str, str | int]
Content = bytes | Callable[[], Iterator[bytes]]
"""A body; or a function that gives it again each time it is sent, with its `Content-Length` among the headers."""


@dataclass(frozen=True)
class Answer:
    """A successful answer of the service."""

    response: httpx.Response

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ClientError: it is none, so this is another service.
        """
        try:
            return self.response.json()
        except ValueError:
            raise _not_ours(self.response) from None


class Transport:
    """A connection to one site. Use it as a context manager.

    `max_wait`: the seconds that one request may wait in all before it is sent again. `waiting`: shows why and how long.
    """

    def __init__(
        self, site: str, token: str | None, *, max_wait: float, waiting: Callable[[str, float], None] | None = None
    ) -> None:
        self.site = site
        self._max_wait = max_wait
        self._waiting = waiting
        self._has_answered = False
        headers = {"User-Agent": f"slipbin/{VERSION}", "Accept": "application/json, */*;q=0.5"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.Client(base_url=site, headers=headers, timeout=TIMEOUT, verify=_certificates(site))

    def __enter__(self) -> "Transport":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Headers | None = None,
        query: Query | None = None,
        content: Content | None = None,
        is_repeatable: bool = True,
    ) -> Answer:
        """Send a request and read the answer.

        `is_repeatable`: whether sending it twice does no more than once, so that a lost answer may be asked for again.

        Raises:
            ServiceError: the answer is an error.
            ClientError: there is no answer.
        """
        with self.stream(
            method, path, headers=headers, query=query, content=content, is_repeatable=is_repeatable
        ) as answer:
            with self._told_of_failures():
                answer.response.read()
            return answer

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        headers: Headers | None = None,
        query: Query | None = None,
        content: Content | None = None,
        is_repeatable: bool = True,
    ) -> Iterator[Answer]:
        """Send a request as `send` does, but leave the body of the answer to `chunks`.

        Once the body has begun, the request is never sent again.
        """
        response, was_repeated = self._answered(method, path, headers, query, content, is_repeatable)
        try:
            if not response.is_success:
                with self._told_of_failures():
                    response.read()
                _fail(response, was_repeated=was_repeated)
            yield Answer(response)
        finally:
            response.close()

    def chunks(self, answer: Answer) -> Iterator[bytes]:
        """The body of a streamed answer, as it comes.

        Raises:
            ClientError: the connection broke.
        """
        with self._told_of_failures():
            yield from answer.response.iter_bytes()

    def _answered(
        self,
        method: str,
        path: str,
        headers: Headers | None,
        query: Query | None,
        content: Content | None,
        is_repeatable: bool,
    ) -> tuple[httpx.Response, bool]:
        waited, repeats, was_repeated = 0.0, 0, False
        while True:
            body = content() if callable(content) else content
            request = self._client.build_request(method, path, headers=headers, params=query, content=body)
            try:
                response = self._client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
                if not (was_repeated or self._has_answered):
                    self._fail_to_reach(error)
                # It answered before, so it is being restarted.
                failure: Exception = error
                why, wait = "The service can't be reached.", None
            except httpx.TransportError as error:
                if not is_repeatable:
                    self._fail_to_reach(error)
                failure, why, wait, was_repeated = error, "The connection broke.", None, True
            else:
                self._has_answered = True
                if not _asks_to_wait(response, is_repeatable=is_repeatable):
                    return response, was_repeated
                why, wait = _reason(response), _retry_after(response)
                if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                    if wait is None or waited + wait > self._max_wait:
                        return response, was_repeated
                    self._wait(why, wait)
                    waited += wait
                    continue
                was_repeated = True
                failure = httpx.HTTPStatusError(why, request=request, response=response)
            wait = _FIRST_WAIT_SECONDS * 2**repeats if wait is None else wait
            repeats += 1
            if repeats > REPEATS or waited + wait > self._max_wait:
                if isinstance(failure, httpx.HTTPStatusError):
                    return failure.response, was_repeated
                self._fail_to_reach(failure)
            self._wait(why, wait)
            waited += wait

    def _wait(self, why: str, seconds: float) -> None:
        if self._waiting is None:
            time.sleep(seconds)
        else:
            self._waiting(why, seconds)

    @contextmanager
    def _told_of_failures(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            self._fail_to_reach(error)

    def _fail_to_reach(self, error: Exception) -> NoReturn:
        raise ClientError(why_unreachable(self.site, error), ExitCode.UNREACHABLE) from error


def _certificates(site: str) -> ssl.SSLContext | bool:
    """The authorities that come with httpx and those of the system, among which a company's own may be."""
    if not site.startswith("https:"):
        return True
    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context


def _asks_to_wait(response: httpx.Response, *, is_repeatable: bool) -> bool:
    """Whether the same request may succeed later, and may be sent again. If so, the body of the answer is read, too."""
    if response.status_code in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        asks = True
    else:
        asks = is_repeatable and response.is_server_error and response.status_code != HTTPStatus.NOT_IMPLEMENTED
    if asks:
        try:
            response.read()
        except httpx.TransportError:
            # Its status says enough.
            response.close()
    return asks


def _retry_after(response: httpx.Response) -> float | None:
    """The seconds to wait, as `Retry-After` says in either of its forms; None: it says none."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The problem (RFC 9457) that the answer is; empty if it is none."""
    if not response.is_closed or not hasattr(response, "_content"):
        return {}
    try:
        value = response.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _reason(response: httpx.Response) -> str:
    detail = _problem(response).get("detail")
    return str(detail) if detail else f"The service answered {response.status_code} {response.reason_phrase}."


def _fail(response: httpx.Response, *, was_repeated: bool) -> NoReturn:
    if response.is_redirect:
        raise ClientError(
            f"{response.url} leads to {response.headers.get('Location')}. Choose that site: slipbin site URL"
        )
    problem = _problem(response)
    if not problem and response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        raise _not_ours(response)
    fields = problem.get("errors")
    named = [
        f"{_OPTION_NAMES.get(str(each.get('field')), each.get('field')) or 'body'}: {each.get('message')}"
        for each in (fields if isinstance(fields, list) else [])
        if isinstance(each, dict)
    ]
    message = " ".join(named) or _reason(response)
    if problem.get("code") == "sign_in_required":
        message = "This needs an account: slipbin login"
    if problem.get("code") == "token_invalid":
        message = "The API token is wrong, has expired or was deleted. Give another: slipbin login"
    wait = _retry_after(response)
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS and wait is not None:
        message += f" Try again in {times.span(wait)}, or wait with --max-wait."
    raise ServiceError(
        message, _exit_code(response.status_code), code=str(problem.get("code", "")), was_repeated=was_repeated
    )


def _exit_code(status: int) -> ExitCode:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ExitCode.SERVICE_FAILED
    codes: dict[int, ExitCode] = {
        HTTPStatus.UNAUTHORIZED: ExitCode.NOT_ALLOWED,
        HTTPStatus.FORBIDDEN: ExitCode.NOT_ALLOWED,
        HTTPStatus.NOT_FOUND: ExitCode.NOT_FOUND,
        HTTPStatus.GONE: ExitCode.NOT_FOUND,
        HTTPStatus.CONFLICT: ExitCode.CONFLICT,
        HTTPStatus.PRECONDITION_FAILED: ExitCode.CONFLICT,
        HTTPStatus.TOO_MANY_REQUESTS: ExitCode.TOO_OFTEN,
    }
    return codes.get(status, ExitCode.REFUSED)


def _not_ours(response: httpx.Response) -> ClientError:
    return ClientError(f"{response.url.copy_with(query=None)} didn't answer as Slipbin does. Is this the right site?")
