"""The switch of colours: system, light, dark; what is chosen is kept, without a cookie and without a flash."""

from playwright.sync_api import Page

from tests.browser.visitor import PHONE, NewVisitor, Visitor

LIGHT, DARK = "rgb(246, 248, 247)", "rgb(15, 19, 18)"


def ground(page: Page) -> str:
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


def bar_colours(page: Page) -> list[str]:
    colours: list[str] = page.locator("meta[name=theme-color]").evaluate_all("metas => metas.map(meta => meta.content)")
    return colours


def test_choice_is_kept_over_reloads_and_pages(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/privacy")
    assert (ground(page), bar_colours(page)) == (LIGHT, ["#ffffff", "#151a18"])

    page.get_by_role("button", name="Colours: as the system").click()
    assert ground(page) == LIGHT
    page.get_by_role("button", name="Colours: light").click()
    assert (ground(page), bar_colours(page)) == (DARK, ["#151a18", "#151a18"])
    page.get_by_role("status").get_by_text("Colours: dark").wait_for()
    page.reload()
    assert (ground(page), bar_colours(page)) == (DARK, ["#151a18", "#151a18"])
    visitor.open("/sign-in")
    assert ground(page) == DARK
    assert visitor.context.cookies() == [] or {cookie["name"] for cookie in visitor.context.cookies()} == {
        "slipbin_form"
    }

    page.get_by_role("button", name="Colours: dark").click()
    assert (ground(page), bar_colours(page)) == (LIGHT, ["#ffffff", "#151a18"])
    page.emulate_media(color_scheme="dark")
    assert ground(page) == DARK
    page.reload()
    assert ground(page) == DARK


def test_colours_are_there_before_the_rest_of_the_page(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/privacy")
    page.evaluate("localStorage.setItem('slipbin-theme', 'dark')")
    # What the root says once the body begins, which is before anything can be painted.
    page.add_init_script("""
        new MutationObserver((_, observer) => {
          if (!document.body) return;
          window.themeAtFirst = document.documentElement.dataset.theme;
          observer.disconnect();
        }).observe(document, { childList: true, subtree: true });
    """)

    page.reload()

    assert page.evaluate("themeAtFirst") == "dark"


def test_other_tabs_follow(visitor: Visitor) -> None:
    visitor.open("/privacy")
    other = visitor.context.new_page()
    other.goto(f"{visitor.site_address}/privacy")

    for name in ("as the system", "light"):
        visitor.page.get_by_role("button", name=f"Colours: {name}").click()

    other.get_by_role("button", name="Colours: dark").wait_for()
    assert ground(other) == DARK


def test_without_scripts_there_is_no_switch_and_the_menu_opens(new_visitor: NewVisitor) -> None:
    visitor = new_visitor(PHONE, has_scripts=False)
    visitor.open("/privacy")

    assert not visitor.page.locator(".theme").is_visible()
    assert ground(visitor.page) == DARK
    assert not visitor.page.get_by_role("link", name="Sign in").is_visible()
    visitor.page.locator(".top-menu summary").click()
    visitor.click(visitor.page.get_by_role("link", name="Sign in"))
    assert visitor.path() == "/sign-in"
