"""Notices whatever a page of ours must never do, on every page that a visitor opens."""

from collections.abc import Collection
from urllib.parse import urldefrag, urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Request, Response, WebError

# The browser writes a line of its own too; this one is there should its wording or its level change.
_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP report: ${event.effectiveDirective} blocked ${event.blockedURI} on ${event.documentURI}`);
});
"""


class Guard:
    """Console errors, uncaught errors, dialogs, CSP reports, failed requests, and requests to elsewhere."""

    def __init__(self, context: BrowserContext, origins: Collection[str]) -> None:
        """`origins`: where pages may ask for something."""
        self._origins = origins
        self._troubles: list[str] = []
        self._refusals: list[int] = []
        self._expected_refusals: list[int] = []
        self._expected_failures: list[str] = []
        self._console_lines: list[tuple[str, str]] = []
        self._refused_urls: set[str] = set()
        context.add_init_script(_REPORT_VIOLATIONS)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("dialog", self._on_dialog)
        context.on("request", self._on_request)
        context.on("requestfailed", self._on_failure)
        context.on("response", self._on_response)

    def expect_refusal(self, status: int) -> None:
        """One page is answered with this status, 400 or higher; the browser may write its line about that."""
        self._expected_refusals.append(status)

    def expect_failed_request(self, address: str, status: int) -> None:
        """A request by a script is answered with this status, 400 or higher."""
        self._expected_failures.append(f"failed request: {status} {address}")
        self._refused_urls.add(address)

    @property
    def troubles(self) -> list[str]:
        lines = [
            f"console {text} ({url})"
            for text, url in self._console_lines
            if not (url in self._refused_urls and text.startswith("error: Failed to load resource"))
        ]
        troubles = [each for each in self._troubles if each not in self._expected_failures] + lines
        if sorted(self._refusals) != sorted(self._expected_refusals):
            troubles.append(f"pages were refused with {self._refusals}, expected was {self._expected_refusals}")
        return troubles

    def check(self) -> None:
        assert not self.troubles, "\n".join(self.troubles)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self._console_lines.append((f"{message.type}: {message.text}", urldefrag(message.location["url"]).url))

    def _on_error(self, error: WebError) -> None:
        self._troubles.append(f"uncaught error: {error.error}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self._troubles.append(f"dialog: {dialog.type} {dialog.message}")
        dialog.dismiss()

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        # A picture may stand in a style sheet itself; no server is asked for it.
        if parts.scheme not in ("data", "blob") and f"{parts.scheme}://{parts.netloc}" not in self._origins:
            self._troubles.append(f"request to elsewhere: {request.method} {request.url}")

    def _on_failure(self, request: Request) -> None:
        # Who leaves a page ends what it was still loading, its icon most of all.
        if request.failure != "net::ERR_ABORTED":
            self._troubles.append(f"failed request: {request.method} {request.url} {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status < 400:
            return
        if response.request.is_navigation_request():
            self._refusals.append(response.status)
            self._refused_urls.add(urldefrag(response.url).url)
        else:
            self._troubles.append(f"failed request: {response.status} {response.url}")
