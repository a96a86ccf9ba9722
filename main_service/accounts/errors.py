"""The errors of registering, signing in and changing an account."""

from main_service.errors import AppError, RetryLaterError, TooManyRequestsError


class UsernameTakenError(AppError, status=409, code="username_taken", field="username"):
    message = "That username is taken. Try another."


class EmailUndeliverableError(AppError, status=422, code="email_undeliverable", field="email"):
    message = "We can't send to this email: it has characters other than a–z before the @."


class EmailJustSentError(RetryLaterError, code="email_just_sent"):
    message = "We sent this email less than five minutes ago, so we didn't send it again."
    advice = "Check your inbox and spam folder, or try again in five minutes."


class LinkInvalidError(AppError, status=400, code="link_invalid"):
    message = "This link no longer works: it was used, has expired, or is incomplete."
    advice = "Get a new one and copy all of it."


class CredentialsWrongError(AppError, status=401, code="credentials_wrong"):
    message = "Wrong email, username or password."
    headers = {"WWW-Authenticate": "Bearer"}


class TokenInvalidError(AppError, status=401, code="token_invalid"):
    message = "This token is invalid or has expired. Sign in again."
    headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class AccountDisabledError(AppError, status=403, code="account_disabled"):
    message = "This account has been disabled by an administrator."


class AddressUnconfirmedError(AppError, status=403, code="address_unconfirmed"):
    message = "Confirm your email before you create anything."
    advice = "Open the link in the email we sent you, or send it again from your settings."


class ScopeMissingError(AppError, status=403, code="scope_missing"):
    message = "This API token is read-only."


class SignInForbiddenError(AppError, status=403, code="api_token_forbidden"):
    message = "This can't be done with an API token. Sign in instead."


class SuperuserRequiredError(AppError, status=403, code="superuser_required"):
    message = "Only administrators can do this."


class OwnAccountError(AppError, status=409, code="own_account"):
    message = "You can't disable your own account. Ask another superuser."


class TooManyTokensError(AppError, status=409, code="too_many_tokens"):
    message = "You have 100 API tokens, the limit. Delete one first."


class TooManyRegistrationsError(TooManyRequestsError, code="too_many_registrations"):
    message = "Too many accounts were created from your network in a short time."


class TooManyEmailsError(TooManyRequestsError, code="too_many_emails"):
    message = "Too many emails were requested in a short time."


class TooManyAttemptsError(RetryLaterError, code="too_many_attempts"):
    message = "Too many wrong passwords. Wait a while, or reset your password by email."
