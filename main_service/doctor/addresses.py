"""Addresses as they may be shown, without passwords, and why nothing could be reached there."""

import errno
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit


def shown_address(url: str, *, default_port: int) -> str:
    """Host and port of a URL, or the path of its unix socket."""
    parts = urlsplit(url)
    query = dict(pair.partition("=")[::2] for pair in parts.query.split("&"))
    if parts.hostname is None:
        return unquote(query.get("host") or parts.path)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    try:
        port = parts.port
    except ValueError:
        port = None
    return f"{host}:{port or default_port}"


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it, outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from causes_of(each)
        error = error.__cause__ or error.__context__


def why_unreachable(error: BaseException, *, address: str, setting: str) -> tuple[str, str] | None:
    """A sentence and advice for an error of the network; None if it is another kind of error."""
    causes = list(causes_of(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _why_not_trusted(cause, address)
        if isinstance(cause, ssl.SSLError):
            return (
                f"{address} does not speak TLS as it should ({getattr(cause, 'reason', None) or 'no reason given'}).",
                f"See whether {setting} should ask for TLS at all, and names the right port.",
            )
        if isinstance(cause, socket.gaierror):
            return (
                f"The name in {address} can't be resolved ({cause.strerror}).",
                f"Correct the host in {setting}, or see whether the name server answers.",
            )
    for cause in causes:
        if isinstance(cause, ConnectionRefusedError) or _errno_of(cause) == errno.ECONNREFUSED:
            return f"Nothing listens at {address}.", f"Start it, or correct {setting}."
        if isinstance(cause, FileNotFoundError):
            return f"There is no socket {address}.", f"Start it, or correct {setting}."
        if isinstance(cause, PermissionError):
            return (
                f"This user may not connect to {address}.",
                "Run this as the user of the service, or change its permissions.",
            )
        if _errno_of(cause) in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return (
                f"There is no way to {address} through the network.",
                f"Correct {setting}, or check routes and, with Docker, the networks of the containers.",
            )
    if any(isinstance(cause, TimeoutError) or type(cause).__name__ == "TimeoutError" for cause in causes):
        return (
            f"{address} does not answer in time.",
            f"It hangs, or a firewall swallows what is sent to it; or {setting} names another host.",
        )
    if any(isinstance(cause, ConnectionError | EOFError) for cause in causes):
        return f"{address} closes the connection.", f"See its own log; {setting} may name another program's port."
    return None


def _errno_of(error: BaseException) -> int | None:
    return error.errno if isinstance(error, OSError) else None


_EXPIRED = 10
_SELF_SIGNED = (18, 19)
_UNKNOWN_AUTHORITY = (2, 20, 21)
_OTHER_HOST = (62, 64)


def _why_not_trusted(error: ssl.SSLCertVerificationError, address: str) -> tuple[str, str]:
    if error.verify_code == _EXPIRED:
        return (
            f"The certificate of {address} has expired.",
            "Renew it, have the server load the new one, and see why it was not renewed by itself.",
        )
    if error.verify_code in _OTHER_HOST:
        return f"The certificate of {address} is for another name.", "Get one for this name, or use the other name."
    if error.verify_code in (*_SELF_SIGNED, *_UNKNOWN_AUTHORITY):
        return (
            f"The certificate of {address} is signed by an authority that is not trusted here, or by itself.",
            "Get one of a known authority, or name the authority's file in SSL_CERT_FILE.",
        )
    return f"The certificate of {address} is not accepted: {error.verify_message}.", "Get a valid one."
