"""What the site says about itself: which data it keeps and for how long (`/privacy`), and where to report misuse."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from main_service.accounts.flash_cookie import LIFETIME, flash_cookie_name
from main_service.accounts.jwt_tokens import BROWSER_LIFETIME
from main_service.dependencies import SettingsDep
from main_service.entries.idempotency import REMEMBERED_FOR
from main_service.entries.lifetimes import in_words
from main_service.entries.link_targets import MAX_TARGETS
from main_service.entry_pages.manage_cookie import LONGEST, manage_cookie_name
from main_service.errors import NotFoundError
from main_service.mail.sender import RETENTION
from main_service.transfer.service import KEPT_FOR
from main_service.web.session_cookie import session_cookie_name
from main_service.web.templating import contact_address, render

SECURITY_TXT_GOOD_FOR = timedelta(days=90)
"""How long each answer of security.txt is valid: well below a year, as RFC 9116 recommends."""

router = APIRouter(include_in_schema=False)


@router.get("/privacy")
async def privacy(request: Request, settings: SettingsDep) -> Response:
    return render(
        request,
        "privacy.html",
        settings=settings,
        in_words=in_words,
        emails_kept_for=RETENTION,
        requests_remembered_for=REMEMBERED_FOR,
        session_cookie=session_cookie_name(settings),
        session_lifetime=BROWSER_LIFETIME,
        manage_cookie=manage_cookie_name(settings),
        manage_lifetime=LONGEST,
        flash_cookie=flash_cookie_name(settings),
        flash_lifetime=LIFETIME,
        targets_kept=MAX_TARGETS,
        imports_kept_for=KEPT_FOR,
    )


@router.get("/.well-known/security.txt")
async def security_txt(settings: SettingsDep) -> Response:
    """RFC 9116."""
    if settings.abuse_contact is None:
        raise NotFoundError
    expires_at = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + SECURITY_TXT_GOOD_FOR
    return PlainTextResponse(
        f"Contact: {contact_address(settings.abuse_contact)}\n"
        f"Expires: {expires_at:%Y-%m-%dT%H:%M:%SZ}\n"
        "Preferred-Languages: en\n"
        f"Canonical: {settings.public_url}/.well-known/security.txt\n"
    )
