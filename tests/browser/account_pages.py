"""Signs in on the pages."""

from tests.browser.visitor import Visitor
from tests.support.accounts import PASSWORD, User


def fill_in_sign_in(visitor: Visitor, name: str, password: str) -> None:
    visitor.page.get_by_label("Email or username").fill(name)
    visitor.page.get_by_label("Password").fill(password)


def sign_in_to_settings(visitor: Visitor, name: str, password: str) -> None:
    """Sign in by the page that leads on to the settings."""
    visitor.open("/sign-in?next=/settings")
    fill_in_sign_in(visitor, name, password)
    visitor.click("Sign in")
    assert visitor.path() == "/settings"


def sign_in(visitor: Visitor, user: User) -> None:
    visitor.open("/sign-in")
    visitor.page.get_by_label("Email or username").fill(user.email)
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.click("Sign in")
    assert visitor.path() == "/profile"
