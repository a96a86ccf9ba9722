"""What registering, signing in and changing an account may be refused with."""

from main_service.errors import AppError, FieldError, TooManyRequestsError


class UsernameTakenError(AppError):
    status = 409
    code = "username_taken"
    message = "This user name is taken; choose another one."

    def __init__(self) -> None:
        super().__init__(fields=[FieldError("username", self.code, self.message)])


class EmailUndeliverableError(AppError):
    status = 422
    code = "email_undeliverable"
    message = "Our mail server can't send to this address: it has letters other than a to z before the @."

    def __init__(self) -> None:
        super().__init__(fields=[FieldError("email", self.code, self.message)])


class EmailJustSentError(AppError):
    status = 429
    code = "email_just_sent"
    message = "The email with the link was sent less than five minutes ago, so it was not sent again."
    advice = "Look for it in your inbox and your spam folder, or ask again in five minutes."

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after_seconds)}


class LinkInvalidError(AppError):
    status = 400
    code = "link_invalid"
    message = "This link is not valid any more: it was used, has expired, or is incomplete."
    advice = "Ask for a new one, and copy all of it."


class CredentialsWrongError(AppError):
    status = 401
    code = "credentials_wrong"
    message = "E-mail, user name or password is wrong."
    headers = {"WWW-Authenticate": "Bearer"}


class TokenInvalidError(AppError):
    status = 401
    code = "token_invalid"
    message = "This token is not valid any more, or was never complete; sign in again."
    headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class AccountDisabledError(AppError):
    status = 403
    code = "account_disabled"
    message = "This account has been disabled by whoever runs the service."


class AddressUnconfirmedError(AppError):
    status = 403
    code = "address_unconfirmed"
    message = "Your e-mail address has to be confirmed before you can create anything."
    advice = "Open the link in the letter that was sent to it, or have the letter sent again from your settings."


class ScopeMissingError(AppError):
    status = 403
    code = "scope_missing"
    message = "This API token may only read."


class SignInForbiddenError(AppError):
    status = 403
    code = "api_token_forbidden"
    message = "This can't be done with an API token; sign in for it."


class SuperuserRequiredError(AppError):
    status = 403
    code = "superuser_required"
    message = "Only whoever administers the service may do this."


class OwnAccountError(AppError):
    status = 409
    code = "own_account"
    message = "Your own account can't be disabled by yourself; let another superuser do it."


class TooManyTokensError(AppError):
    status = 409
    code = "too_many_tokens"
    message = "An account has at most 100 API tokens; delete one first."


class TooManyRegistrationsError(TooManyRequestsError):
    code = "too_many_registrations"
    message = "Too many accounts were registered from here in a short time."


class TooManyEmailsError(TooManyRequestsError):
    code = "too_many_emails"
    message = "Too many emails were asked for in a short time."


class TooManyAttemptsError(AppError):
    status = 429
    code = "too_many_attempts"
    message = "The password was wrong too often. Wait a while, or set a new password by email."

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after_seconds)}
