"""A visitor with a browser: one page, guarded, of one size and in one colour scheme."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, Response

from tests.browser.guard import Guard


@dataclass(frozen=True)
class View:
    """A window; narrow ones are phones, with a finger for a pointer."""

    width: int
    height: int
    color_scheme: Literal["light", "dark"]
    """The system's."""
    theme: Literal["light", "dark"] | None = None
    """The visitor's own choice; None: the system's."""

    @property
    def is_phone(self) -> bool:
        return self.width < 600

    def __str__(self) -> str:
        return f"{self.width}-{self.color_scheme}" + (f"-chosen-{self.theme}" if self.theme else "")


PATIENCE_MS = 60_000
"""On a machine that has much else to do, a page may take long."""
WIDE = View(1280, 800, "light")
PHONE = View(320, 740, "dark")
VIEWS = (WIDE, PHONE)
"""Each width and each scheme: colours do not depend on the width, and nothing else does on the scheme."""

in_every_view = pytest.mark.parametrize("view", VIEWS, ids=str)
with_and_without_scripts = pytest.mark.parametrize(
    ("view", "has_scripts"), [(WIDE, True), (PHONE, False)], ids=["wide-scripts", "phone-no-scripts"]
)
"""What a page does with a script does not depend on its width: those of every view are looked at by other tests."""


class Visitor:
    """Opens pages and follows links, and says what came of it."""

    def __init__(
        self, browser: Browser, view: View, *, site_address: str, other_origins: tuple[str, ...], has_scripts: bool
    ) -> None:
        """`other_origins`: where links may lead; from everywhere else nothing may be asked."""
        self.view = view
        self.has_scripts = has_scripts
        self.site_address = site_address
        self.context = browser.new_context(
            viewport={"width": view.width, "height": view.height},
            color_scheme=view.color_scheme,
            is_mobile=view.is_phone,
            has_touch=view.is_phone,
            java_script_enabled=has_scripts,
            locale="en-GB",
            timezone_id="Europe/Vienna",
            permissions=["clipboard-read", "clipboard-write"],
        )
        self.context.set_default_timeout(PATIENCE_MS)
        if view.theme:
            # The empty page that comes first has no storage.
            script = f"try {{ localStorage.setItem('slipbin-theme', '{view.theme}') }} catch {{}}"
            self.context.add_init_script(script)
        self.guard = Guard(self.context, (site_address, *other_origins))
        self.page: Page = self.context.new_page()

    def leave_out_scripts(self) -> None:
        """Get pages as a browser without scripts does, which could not run axe-core either."""
        self.has_scripts = False
        self.context.route("**/static/**/*.js?*", lambda route: route.fulfill(body="", content_type="text/javascript"))

    def close(self) -> None:
        self.context.close()

    def open(self, address: str, *, status: int = 200) -> Response:
        """Open a path of ours, or a whole address, as if it were typed."""
        if address.startswith("/"):
            address = self.site_address + address
        return self._arrive(lambda: self.page.goto(address), status)

    def click(self, link_or_button: str | Locator, *, status: int = 200) -> Response:
        """Click what leads to another page; a string is the name of a link or button that is there once."""
        place = self.control(link_or_button) if isinstance(link_or_button, str) else link_or_button
        return self._arrive(place.click, status)

    def press(self, key: str, *, status: int = 200) -> Response:
        """Press a key that leads to another page."""
        return self._arrive(lambda: self.page.keyboard.press(key), status)

    def control(self, name: str) -> Locator:
        """The link or button with this name in the content of the page."""
        main = self.page.locator("main")
        return main.get_by_role("link", name=name, exact=True).or_(main.get_by_role("button", name=name, exact=True))

    def show_more(self) -> None:
        """Open the part of the editor that has what is seldom needed: the alias, the number of views."""
        more = self.page.locator(".more")
        if more.get_attribute("open") is None:
            more.locator("summary").click()

    def in_header(self, name: str) -> Locator:
        """The link or button with this name in the header; on a phone the menu that it is in is opened."""
        header = self.page.locator(".top")
        menu = header.locator(".top-menu")
        if menu.locator("summary").is_visible() and menu.get_attribute("open") is None:
            menu.locator("summary").click()
        return header.get_by_role("link", name=name, exact=True).or_(
            header.get_by_role("button", name=name, exact=True)
        )

    def sign_out(self) -> None:
        """On a phone the button is in the menu of the header, else beside the menu of the account."""
        header = self.in_header("Sign out")
        self.click(header if header.is_visible() else "Sign out")

    def short_link(self) -> str:
        """The link in the strip above what this browser has made."""
        return self.page.get_by_label("Short link").input_value()

    def manage_link(self) -> str:
        """The manage link in the strip above what this guest has made."""
        return self.page.locator("#manage-url").input_value()

    def manage(self) -> None:
        """Go from the strip above what this guest has made to the page that manages it."""
        self.page.locator(".strip summary").click()
        self.click("Manage")

    def clipboard(self) -> str:
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        return text

    def main_text(self) -> str:
        return self.page.locator("main").inner_text()

    def path(self) -> str:
        """What the address bar has after the origin."""
        return self.page.url.removeprefix(self.site_address)

    def _arrive(self, action: Callable[[], object], status: int) -> Response:
        if status >= 400:
            self.guard.expect_refusal(status)
        with self.page.expect_navigation() as arrival:
            action()
        response = arrival.value
        assert response is not None, self.page.url
        assert response.status == status, f"{response.status} {self.page.url}: {self.main_text()}"
        return response


NewVisitor = Callable[..., Visitor]
