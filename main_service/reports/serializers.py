"""Turns reports into answers of the JSON API, and their files into downloads."""

from datetime import UTC, datetime

from main_service.reports.models import Report
from main_service.reports.schemas import ReportOut
from main_service.reports.service import ReportFile, ReportState, state_of
from main_service.web.head_requests import FileStream
from main_service.web.headers import SANDBOX

PREFIX = "/api/v1/reports"


def report_out(report: Report, public_url: str) -> ReportOut:
    state = state_of(report, datetime.now(UTC))
    return ReportOut(
        id=report.id,
        state=state,
        format=report.format,
        first=report.first_day,
        last=report.last_day,
        collection_id=report.collection_id,
        collection=report.collection_name,
        asked_at=report.asked_at,
        started_at=report.started_at,
        finished_at=report.finished_at,
        expires_at=report.expires_at,
        size_bytes=report.size_bytes,
        file_url=f"{public_url}{PREFIX}/{report.id}/file" if state is ReportState.READY else None,
        failure=report.failure,
    )


def download_response(file: ReportFile) -> FileStream:
    """The file as a download. If it is deleted meanwhile, the connection is cut."""
    return FileStream(
        file.chunks,
        media_type=file.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{file.name}"',
            "Content-Length": str(file.size_bytes),
            "Content-Security-Policy": SANDBOX,
        },
    )
