"""Builds the services of accounts, for a request, a task and the command line alike."""

from functools import cached_property

from main_service.accounts.account_guards import Reauthenticator
from main_service.accounts.administration import AccountAdministration
from main_service.accounts.api_tokens import ApiTokenService
from main_service.accounts.changes import AccountChangeService
from main_service.accounts.emails import AccountEmails, EmailLimits
from main_service.accounts.jwt_tokens import JwtTokens
from main_service.accounts.registration import RegistrationService
from main_service.accounts.sign_in import SessionService
from main_service.accounts.sign_in_limits import ClientPasswords, SignInLimits
from main_service.accounts.signed_links import SignedLinks
from main_service.engines.postgres import Session
from main_service.engines.rate_limits import ClientAddress
from main_service.mail.recipients import Recipients
from main_service.mail.transport import mail_host
from main_service.resources import Resources


class AccountResources:
    """What the services of accounts share in a process. Made once, from what the process holds open."""

    def __init__(self, resources: Resources) -> None:
        settings = resources.settings
        self.password_hasher = resources.password_hasher
        self.links = SignedLinks(settings)
        self.tokens = JwtTokens(settings)
        self.sign_in_limits = SignInLimits(resources.limiter, secret=settings.secret)
        self.email_limits = EmailLimits(resources.limiter, settings)
        self.recipients = Recipients(settings.smtp_url, our_host=mail_host(settings.public_url))


class AccountFactory:
    """Builds each service when it is first asked for; all of them work in the transaction of `session`."""

    def __init__(self, resources: AccountResources, session: Session, *, client_address: ClientAddress = None) -> None:
        """`client_address`: whose guesses and emails are limited; None: the client can't be told from others."""
        self._resources = resources
        self._session = session
        self._client_address = client_address

    @cached_property
    def registration(self) -> RegistrationService:
        return RegistrationService(session=self._session, passwords=self._passwords, emails=self._emails)

    @cached_property
    def sessions(self) -> SessionService:
        return SessionService(session=self._session, passwords=self._passwords, tokens=self._resources.tokens)

    @cached_property
    def changes(self) -> AccountChangeService:
        return AccountChangeService(
            session=self._session, passwords=self._passwords, reauthenticator=self.reauthenticator, emails=self._emails
        )

    @cached_property
    def api_tokens(self) -> ApiTokenService:
        return ApiTokenService(session=self._session)

    @cached_property
    def administration(self) -> AccountAdministration:
        return AccountAdministration(session=self._session, passwords=self._passwords, emails=self._emails)

    @cached_property
    def reauthenticator(self) -> Reauthenticator:
        return Reauthenticator(session=self._session, passwords=self._passwords)

    @cached_property
    def _passwords(self) -> ClientPasswords:
        shared = self._resources
        return ClientPasswords(
            password_hasher=shared.password_hasher, limits=shared.sign_in_limits, address=self._client_address
        )

    @cached_property
    def _emails(self) -> AccountEmails:
        return AccountEmails(
            session=self._session,
            links=self._resources.links,
            allowance=self._resources.email_limits.of(self._client_address),
            recipients=self._resources.recipients,
        )
