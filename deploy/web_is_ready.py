"""Health check of the web process: python web_is_ready.py PORT. Ends with 0 if it can serve, else with a sentence."""

import http.client
import sys

TIMEOUT_SECONDS = 12
"""Longer than any request may take, the one that finds every part away included."""


def why_not_ready(port: int) -> str | None:
    """Why the web process on this port can't work; None: all that it needs is there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        return None if answer.status == http.HTTPStatus.OK else f"{answer.status} {answer.read(1000)!r}"
    except (OSError, http.client.HTTPException) as error:
        return f"It does not answer: {error!r}"
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(why_not_ready(int(sys.argv[1])))
