"""Why an email can't be sent. No error names the recipient or a value of the email."""

from main_service.errors import UnavailableError


class MailServerUnavailableError(UnavailableError):
    """No email can be sent now: the server is away, breaks off, or refuses to let us in."""


class EmailRefusedError(Exception):
    """The server refuses this email. Its message is left out, because it often names the recipient."""

    def __init__(self, code: int, *, is_permanent: bool) -> None:
        self.is_permanent = is_permanent
        super().__init__(f"refused with {code}")


class EmailRenderError(Exception):
    """The email can't be rendered, now or later: its template, its values or its address are wrong."""
