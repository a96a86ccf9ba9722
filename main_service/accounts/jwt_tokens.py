"""The JSON web tokens of sessions: a pair for programs, one for the cookie of a browser. None is stored.

All tokens of a session carry its id, by which it is revoked, and the session epoch of the account: raising that ends
all its sessions.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

import jwt

from main_service.accounts.errors import TokenInvalidError
from main_service.accounts.models import Account
from main_service.engines.signing import Signer, SigningLabel
from main_service.settings import Settings

ACCESS_LIFETIME = timedelta(hours=1)
REFRESH_LIFETIME = timedelta(days=1)
BROWSER_LIFETIME = timedelta(days=30)
ALGORITHM = "HS256"


class Use(StrEnum):
    """What a token is for: its audience. A token for another use is refused."""

    ACCESS = "slipbin:access"
    REFRESH = "slipbin:refresh"
    BROWSER = "slipbin:browser"


@dataclass(frozen=True)
class TokenPair:
    """What a program gets when it signs in or refreshes."""

    access_token: str
    refresh_token: str
    expires_in: timedelta
    """How long the access token lasts."""


@dataclass(frozen=True)
class Claims:
    """What a token says. Whether its account and session still stand is another question."""

    account_id: UUID
    session_epoch: int
    session_id: UUID
    """The same for all tokens that one sign-in led to."""


class JwtTokens:
    """Issues and reads the tokens of sessions. Holds no state."""

    def __init__(self, settings: Settings) -> None:
        self._key = Signer(settings.secret, SigningLabel.JWT_KEY).sign()
        self._issuer = settings.public_url

    def issue_pair(self, account: Account, session_id: UUID) -> TokenPair:
        return TokenPair(
            access_token=self._encode(account, session_id, Use.ACCESS, ACCESS_LIFETIME),
            refresh_token=self._encode(account, session_id, Use.REFRESH, REFRESH_LIFETIME),
            expires_in=ACCESS_LIFETIME,
        )

    def issue_browser_token(self, account: Account, session_id: UUID) -> str:
        return self._encode(account, session_id, Use.BROWSER, BROWSER_LIFETIME)

    def read(self, token: str, use: Use) -> Claims:
        """The claims of a token. Callers must ask whether its account and session still stand.

        Raises:
            TokenInvalidError: it is forged, has expired, or is for another use.
        """
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=use.value,
                issuer=self._issuer,
                options={"require": ["exp", "iat", "aud", "iss", "sub", "sid", "session_epoch"]},
            )
            return Claims(
                account_id=UUID(claims["sub"]),
                session_epoch=int(claims["session_epoch"]),
                session_id=UUID(claims["sid"]),
            )
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
            raise TokenInvalidError from error

    def _encode(self, account: Account, session_id: UUID, use: Use, lifetime: timedelta) -> str:
        now = datetime.now(UTC)
        claims = {
            "sub": str(account.id),
            "sid": str(session_id),
            "aud": use.value,
            "iss": self._issuer,
            "iat": now,
            "exp": now + lifetime,
            # Makes two tokens of the same second differ.
            "jti": uuid4().hex,
            "session_epoch": account.session_epoch,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)
