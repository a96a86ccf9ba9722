"""What people do with an account, from the email that confirms it to signing out."""

import re

import httpx

from tests.browser.account_pages import fill_in_sign_in, sign_in_to_settings
from tests.browser.emails import link_in_email
from tests.browser.visitor import NewVisitor, View, Visitor, with_and_without_scripts
from tests.support.accounts import PASSWORD, new_email, new_username, sleep_until_room_in_five_minutes
from tests.support.engines import Environment
from tests.support.web import WebServer

NEW_PASSWORD = "Even-better-2"


def register(visitor: Visitor, email: str, username: str) -> None:
    page = visitor.page
    visitor.open("/register")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    visitor.click("Register")
    assert page.get_by_role("heading", name="Check your email").is_visible()


@with_and_without_scripts
def test_account_is_registered_confirmed_used_and_signed_out_of(
    new_visitor: NewVisitor, environment: Environment, view: View, has_scripts: bool
) -> None:
    visitor, email, username = new_visitor(view, has_scripts=has_scripts), new_email(), new_username()
    page = visitor.page
    register(visitor, email, username)
    visitor.open(link_in_email(environment, email, "confirm"))
    visitor.click("Confirm email")
    assert page.get_by_role("heading", name="Your email is confirmed").is_visible()

    visitor.open("/settings")
    assert visitor.path() == "/sign-in?next=/settings"
    fill_in_sign_in(visitor, username, "Wrong-pass1")
    visitor.click("Sign in", status=401)
    assert page.get_by_label("Email or username").input_value() == username
    page.get_by_label("Password").fill(PASSWORD)
    visitor.click("Sign in")
    assert visitor.path() == "/settings"
    assert "Confirm your email" not in visitor.main_text()
    assert visitor.in_header("My slips").is_visible()

    visitor.open("/")
    page.get_by_label("Text", exact=True).fill("mine")
    visitor.click("Create paste")
    key = visitor.short_link().rpartition("/")[2]
    visitor.open(f"/{key}/manage")
    visitor.click("Edit")
    page.get_by_label("Text", exact=True).fill("mine still")
    visitor.click("Save")
    assert visitor.open(f"/{key}/raw").text() == "mine still"
    visitor.open(f"/{key}/manage")
    page.get_by_label("Yes, delete this paste").check()
    visitor.click("Delete paste")
    assert page.get_by_role("heading", name="Your paste is deleted").is_visible()

    visitor.open("/settings")
    visitor.sign_out()
    assert visitor.path() == "/"
    assert visitor.in_header("Sign in").is_visible()
    visitor.open("/settings")
    assert visitor.path() == "/sign-in?next=/settings"


@with_and_without_scripts
def test_settings_are_changed_and_a_token_made(
    new_visitor: NewVisitor, site: WebServer, view: View, has_scripts: bool
) -> None:
    visitor, email, username = new_visitor(view, has_scripts=has_scripts), new_email(), new_username()
    page = visitor.page
    sleep_until_room_in_five_minutes()
    register(visitor, email, "")
    visitor.click("Sign in")
    sign_in_to_settings(visitor, email, PASSWORD)
    visitor.click("Send the email again", status=429)
    assert page.get_by_text("less than five minutes ago").first.is_visible()

    open_section(visitor, "Profile")
    page.get_by_role("textbox", name="Username").fill(username)
    visitor.click("Save username")
    assert page.get_by_text("Username saved.").is_visible()

    open_section(visitor, "API tokens")
    page.get_by_label("Name", exact=True).fill("Backup")
    page.get_by_label("Access").select_option(label="Read only")
    page.get_by_label("Expires in").select_option(label="30 days")
    visitor.click("Create token")
    token = page.locator("#new-token").inner_text()
    assert re.fullmatch(r"slp_[\w-]{43}", token)
    if has_scripts:
        page.get_by_role("button", name="Copy token").click()
        page.get_by_text("Token copied").wait_for()
        assert visitor.clipboard() == token
    assert whoami(site, token).json()["user"]["username"] == username
    assert "Read only" in visitor.main_text()

    open_section(visitor, "Password")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    visitor.click("Change password")
    assert page.get_by_text("Password changed.").is_visible()
    assert whoami(site, token).status_code == 401
    open_section(visitor, "API tokens")
    assert page.get_by_role("button", name="Delete token Backup").count() == 0

    open_section(visitor, "Sessions")
    visitor.click("Sign out everywhere")
    assert visitor.path() == "/sign-in"
    sign_in_to_settings(visitor, username, NEW_PASSWORD)


@with_and_without_scripts
def test_forgotten_password_is_set_anew(
    new_visitor: NewVisitor, environment: Environment, view: View, has_scripts: bool
) -> None:
    visitor, email = new_visitor(view, has_scripts=has_scripts), new_email()
    page = visitor.page
    register(visitor, email, "")
    visitor.click("Sign in")
    visitor.click("Forgot your password?")
    page.get_by_label("Email").fill(email)
    visitor.click("Send email")

    visitor.open(link_in_email(environment, email, "reset"))
    page.get_by_label("New password").fill(NEW_PASSWORD)
    visitor.click("Save password")
    assert page.get_by_text("Password changed.").is_visible()
    sign_in_to_settings(visitor, email, NEW_PASSWORD)
    assert email in visitor.main_text()


def open_section(visitor: Visitor, name: str) -> None:
    """Click the link of a section: beside the open one, or on a phone in the menu above it."""
    menu = visitor.page.locator(".sections-menu > summary")
    if menu.is_visible():
        menu.click()
    visitor.click(visitor.page.get_by_role("link", name=name, exact=True).locator("visible=true"))


def whoami(site: WebServer, token: str) -> httpx.Response:
    return site.client.get("/api/v1/auth/whoami", headers={"Authorization": f"Bearer {token}"})
