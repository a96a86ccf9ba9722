"""Builds what sends emails."""

from main_service.mail.messages import EmailRenderer
from main_service.mail.sender import MailSender
from main_service.mail.transport import create_transport, mail_host
from main_service.resources import Resources


class MailFactory:
    """Builds the sender for one round. It opens sessions of its own."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def sender(self, smtp_url: str) -> MailSender:
        """What sends the emails that are due. `smtp_url`: the mail server or folder, as in MAIN_SMTP_URL."""
        settings = self._resources.settings
        return MailSender(
            sessions=self._resources.sessions,
            transport=create_transport(smtp_url, our_host=mail_host(settings.public_url)),
            files=self._resources.files,
            render=EmailRenderer(settings).render,
        )
