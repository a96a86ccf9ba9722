"""The email that a report is sent with."""

from uuid import UUID

from main_service.accounts.signed_links import Purpose, SignedLinks
from main_service.engines.postgres import Session
from main_service.mail import outbox
from main_service.mail.outbox import Attachment
from main_service.reports.models import Report
from main_service.reports.storage import Recipient
from main_service.settings import Settings

MAX_ATTACHED_BYTES = 10_000_000
"""The largest file that is attached; a larger one is only linked to.

Many mail servers refuse emails over 20 MB, and encoding a file for an email adds a third to its size.
"""


class ReportEmails:
    def __init__(self, settings: Settings) -> None:
        self._links = SignedLinks(settings)
        self._public_url = settings.public_url
        self._lifetime = settings.report_lifetime

    async def enqueue(
        self, session: Session, report: Report, recipient: Recipient, *, name: str, media_type: str
    ) -> None:
        """Put an email about a report into the outbox, in the transaction of `session`.

        The file is attached if it is small enough. The link in the email works without signing in, until the file
        is deleted.
        """
        assert report.size_bytes is not None
        is_attached = report.size_bytes <= MAX_ATTACHED_BYTES
        await outbox.enqueue(
            session,
            dedup_key=f"report:{report.id}",
            recipient=recipient.email,
            template="report",
            values={
                "first": str(report.first_day),
                "last": str(report.last_day),
                "collection": report.collection_name or "",
                "link": self.link(report.id),
                "until": f"{report.expires_at:%Y-%m-%d %H:%M} UTC",
                "size": _size(report.size_bytes),
            },
            attachment=Attachment(report.id, name, media_type) if is_attached else None,
        )

    def link(self, report_id: UUID) -> str:
        """The URL of a report's file, which works without signing in."""
        token = self._links.sign(Purpose.REPORT, [str(report_id)], lifetime=self._lifetime)
        return f"{self._public_url}/api/v1/reports/{report_id}/file?token={token}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:.1f} MB" if size_bytes >= 1_000_000 else f"{max(1, size_bytes // 1000)} kB"
