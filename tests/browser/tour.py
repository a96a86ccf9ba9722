"""A tour of every page of ours, with usual contents or with contents of the longest kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from main_service.accounts.pages.settings_sections import SECTIONS
from tests.browser.emails import link_in_email
from tests.browser.visitor import Visitor
from tests.support.accounts import PASSWORD, sleep_until_room_in_five_minutes
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.web import Client


@dataclass(frozen=True)
class Contents:
    title: str
    text: str
    plain_text: str
    """Too long for line numbers."""
    url: str
    alias_length: int

    def new_alias(self) -> str:
        return new_alias().ljust(self.alias_length, "W")


USUAL = Contents(
    title="A title",
    text="def first():\n    return 1\n" * 20,
    plain_text=("plain " * 20_000 + "\n") * 9,
    url="https://example.org/a/path?with=a&query",
    alias_length=0,
)
LONGEST = Contents(
    title="W" * 200,
    text="W" * 20_000 + "\n" + "\t" * 200 + "x",
    plain_text="W" * (1024 * 1024 + 1),
    url=f"https://{'w' * 60}.example/{'W' * 8000}",
    alias_length=64,
)


def every_page(visitor: Visitor, client: Client, contents: Contents) -> Iterator[str]:
    """Lead the visitor from page to page; yields the name of each on arrival."""
    yield from _forms(visitor, contents)
    yield from _readers_pages(visitor, client, contents)
    yield from _pages_of_limited_views(visitor, client, contents)
    yield from _managers_pages(visitor, client, contents)
    yield from _pages_before_signing_in(visitor, client, contents)
    yield from _pages_of_settings(visitor, contents)
    for path in ("/privacy", "/api"):
        visitor.open(path)
        yield path
    public = create_paste(client, title=contents.title, visibility="public")
    visitor.open(f"/{public['key']}")
    visitor.open("/top?period=day")
    yield "top"
    visitor.open("/nothing-is-here", status=404)
    yield "404"


def send_unchecked(visitor: Visitor, button: str, *, status: int) -> None:
    """Send a form that the browser itself would not send, because a field of it is wrong."""
    place = visitor.control(button)
    place.evaluate("button => { button.form.noValidate = true; }")
    visitor.click(place, status=status)


def _forms(visitor: Visitor, contents: Contents) -> Iterator[str]:
    page = visitor.page
    visitor.open("/")
    yield "home"
    page.get_by_label("Title").fill(contents.title)
    visitor.show_more()
    yield "home-more"
    page.get_by_label("Alias").fill("no good! " + contents.new_alias())
    send_unchecked(visitor, "Create paste", status=422)
    yield "home-errors"
    page.get_by_label("Text", exact=True).fill(contents.text)
    visitor.show_more()
    page.get_by_label("Alias").fill(contents.new_alias())
    visitor.click("Create paste")
    yield "created-paste"

    visitor.open("/?kind=link")
    yield "home-link"
    page.get_by_label("URL to shorten").fill("no address " + contents.url[:8000])
    page.get_by_label("Title").fill(contents.title)
    send_unchecked(visitor, "Create link", status=422)
    yield "home-link-errors"
    page.get_by_label("URL to shorten").fill(contents.url)
    visitor.show_more()
    page.get_by_label("Alias").fill(contents.new_alias())
    visitor.click("Create link")
    yield "created-link"
    page.locator(".strip summary").click()
    yield "created-link-manage-link"
    page.get_by_label("Short link").click()

    visitor.open("/")
    page.get_by_label("Text", exact=True).fill(contents.text)
    page.get_by_label("Title").fill(contents.title)
    visitor.show_more()
    page.get_by_label("Views").fill("2")
    visitor.click("Create paste")
    yield "created-limited"


def _readers_pages(visitor: Visitor, client: Client, contents: Contents) -> Iterator[str]:
    for name, fields in {
        "paste": {"text": contents.text, "title": contents.title},
        "paste-syntax": {"text": contents.text, "syntax": "python", "alias": contents.new_alias()},
        "paste-plain": {"text": contents.plain_text, "title": contents.title},
    }.items():
        visitor.open(f"/{create_paste(client, **fields)['key']}")
        yield name
        if name == "paste":
            yield from _what_opens_on_a_paste(visitor)
            visitor.open(f"/?from={visitor.path().lstrip('/')}")
            yield "home-copy"
    for name, fields in {
        "preview": {"original_url": contents.url, "alias": contents.new_alias(), "title": contents.title},
        "preview-credentials": {"original_url": contents.url.replace("://", "://example.com:secret@")},
        "preview-idn": {"original_url": contents.url.replace("://", "://bücher.").replace("W", "ü", 20)},
    }.items():
        visitor.open(f"/{create_link(client, **fields)['key']}+")
        yield name


def _what_opens_on_a_paste(visitor: Visitor) -> Iterator[str]:
    page = visitor.page
    for summary in page.locator(".drop > summary").all():
        if summary.is_visible():
            summary.click()
            yield f"menu {summary.inner_text()}"
            summary.click()
    if not visitor.has_scripts:
        return
    page.locator("#L1").click(position={"x": 10, "y": 8})
    yield "line-menu"
    for key, name in (("q", "QR code"), ("?", "Keyboard shortcuts")):
        page.keyboard.press(key)
        page.get_by_role("dialog", name=name).wait_for()
        yield f"dialog {name}"
        page.keyboard.press("Escape")


def _pages_of_limited_views(visitor: Visitor, client: Client, contents: Contents) -> Iterator[str]:
    link = create_link(client, original_url=contents.url, alias=contents.new_alias(), views=1)
    visitor.open(f"/{link['key']}")
    yield "reveal-link"
    paste = create_paste(client, text=contents.text, alias=contents.new_alias(), title=contents.title, views=2)
    for name in ("paste", "last"):
        visitor.open(f"/{paste['key']}")
        yield f"reveal-{name}"
        visitor.click("Show the text")
        yield f"revealed-{name}"


def _managers_pages(visitor: Visitor, client: Client, contents: Contents) -> Iterator[str]:
    page = visitor.page
    link = create_link(client, original_url=contents.url, title=contents.title)
    _open_managed(visitor, link)
    yield "manage-link"
    yield from _edit_pages(visitor, client, contents)
    paste = create_paste(client, alias=contents.new_alias(), title=contents.title)
    visitor.open(f"/{paste['key']}/manage")
    yield "manage-asks"
    page.get_by_label("Manage token").fill(contents.title)
    visitor.click("Manage", status=403)
    yield "manage-wrong"
    page.get_by_label("Manage token").fill(paste["manage_token"])
    visitor.click("Manage")
    yield "manage-paste"
    send_unchecked(visitor, "Delete paste", status=422)
    yield "manage-errors"
    page.get_by_label("Expire in").select_option(label="1 hour")
    visitor.click("Change")
    yield "manage-notice"
    page.get_by_label("Yes, delete this paste").check()
    visitor.click("Delete paste")
    yield "deleted"
    visitor.open(f"/{paste['key']}", status=410)
    yield "410"


def _open_managed(visitor: Visitor, entry: dict[str, Any]) -> None:
    """Open the manage page by its form: for the manage link, a script is needed that takes the token from it."""
    visitor.open(f"/{entry['key']}/manage")
    visitor.page.get_by_label("Manage token").fill(entry["manage_token"])
    visitor.click("Manage")


def _edit_pages(visitor: Visitor, client: Client, contents: Contents) -> Iterator[str]:
    page = visitor.page
    for text in (contents.text, f"{contents.text}\0"):
        paste = create_paste(client, text=text)
        _open_managed(visitor, paste)
        visitor.click("Edit")
        yield "edit" if text == contents.text else "edit-nul"
        change = {"title": contents.title, "text": contents.text[::-1], "visibility": "public"}
        client.patch(f"/api/v1/entries/{paste['key']}", json=change, headers=manage_headers(paste)).raise_for_status()
        page.get_by_label("Title").fill("Another title")
        visitor.click("Save", status=409)
        yield "edit-changed-meanwhile"


def _pages_before_signing_in(visitor: Visitor, client: Client, contents: Contents) -> Iterator[str]:
    """Ends with the visitor registered and signed in."""
    page, name = visitor.page, contents.new_alias()

    def link_in(template: str) -> str:
        database = {"MAIN_DATABASE_URL": client.database_url}
        return link_in_email(database, f"{name}@example.org", template)

    visitor.open("/register")
    yield "register"
    page.get_by_label("Email").fill(f"{name}@example.org")
    page.get_by_label("Username").fill("no good! " + name)
    page.get_by_label("Password").fill(PASSWORD)
    send_unchecked(visitor, "Register", status=422)
    yield "register-errors"
    page.get_by_label("Username").fill(name[:30])
    page.get_by_label("Password").fill(PASSWORD)
    visitor.click("Register")
    yield "registered"
    visitor.open(link_in("confirm"))
    yield "confirm"
    visitor.open("/sign-in")
    yield "sign-in"
    visitor.click("Forgot your password?")
    yield "forgot"
    page.get_by_label("Email").fill("no address " + name)
    send_unchecked(visitor, "Send email", status=422)
    yield "forgot-errors"
    page.get_by_label("Email").fill(f"{name}@example.org")
    visitor.click("Send email")
    yield "forgot-sent"
    visitor.open("/reset/" + name, status=400)
    yield "reset-void"
    visitor.open(link_in("reset"))
    yield "reset"
    page.get_by_label("New password").fill("weak")
    send_unchecked(visitor, "Save password", status=422)
    yield "reset-errors"
    visitor.open("/sign-in?next=/settings")
    page.get_by_label("Email or username").fill(f"{name}@example.org")
    page.get_by_label("Password").fill("Wrong-pass1")
    visitor.click("Sign in", status=401)
    yield "sign-in-wrong"
    page.get_by_label("Password").fill(PASSWORD)
    visitor.click("Sign in")


def _pages_of_settings(visitor: Visitor, contents: Contents) -> Iterator[str]:
    """Ends with the visitor signed out."""
    page = visitor.page
    for section in (*SECTIONS, "delete"):
        visitor.open(f"/settings/{section}".removesuffix("/profile"))
        yield f"settings-{section}"
    if visitor.view.is_phone:
        page.locator(".sections-menu > summary").click()
        yield "settings-menu"
    send_unchecked(visitor, "Delete my account", status=422)
    yield "settings-delete-errors"
    visitor.open("/settings/tokens")
    page.get_by_label("Name", exact=True).fill(contents.title[:100])
    page.get_by_label("Expires in").select_option(label="90 days")
    visitor.click("Create token")
    yield "settings-token"
    visitor.open("/settings/import")
    yield "settings-import"
    page.get_by_label("File", exact=True).set_input_files(
        {"name": f"{contents.title[:100]}.csv", "mimeType": "text/csv", "buffer": b"keyword,url\n"}
    )
    visitor.click("Send file")
    yield "settings-import-sent"
    visitor.open("/settings/email")
    page.get_by_label("New email").fill("no address " + contents.new_alias())
    send_unchecked(visitor, "Change email", status=422)
    yield "settings-errors"
    # Where this tour has taken long, the first is sent.
    sleep_until_room_in_five_minutes()
    page.request.post(f"{visitor.site_address}/settings/confirm", form={"other": ""})
    visitor.click("Send the email again", status=429)
    yield "settings-refused"
    visitor.open("/settings")
    visitor.click("Save username")
    yield "settings-notice"
    visitor.open("/reports")
    yield "reports-unconfirmed"
    visitor.sign_out()
