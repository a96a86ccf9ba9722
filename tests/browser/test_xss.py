"""Whatever is typed into a text, a title, an alias or an address is shown as it is and never runs."""

from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.browser.account_pages import sign_in
from tests.browser.payloads import BREAKERS, HANDLERS, PAYLOADS, RUN, TAGS
from tests.browser.tour import send_unchecked
from tests.browser.visitor import Visitor
from tests.support.accounts import new_user
from tests.support.entries import create_link, create_paste
from tests.support.web import WebServer

MAX_TITLE_LENGTH = 200

# What on a page is not of our making: elements, handlers and addresses that no template of ours has.
_FOREIGN = """() => {
  const troubles = window.ran === undefined ? [] : ["a script ran"];
  const foreign =
    "svg:not(.icon), math, iframe, object, embed, video, base, style, details:not(.qr, .drop), marquee, " +
    "body script, body link";
  for (const element of document.querySelectorAll(foreign)) troubles.push(element.outerHTML);
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      const isAddress = ["href", "src", "action", "formaction"].includes(name);
      const isScript = isAddress && !["http:", "https:"].includes(new URL(value, location.href).protocol);
      // The editor places its numbers by a script.
      const isStyle = name === "style" && !element.closest(".numbers, .copied-lines");
      if (name.startsWith("on") || isStyle || isScript) troubles.push(element.outerHTML);
    }
  }
  return troubles;
}"""


def check_page(page: Page) -> None:
    assert page.evaluate(_FOREIGN) == [], page.url


TURNS = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


def as_title(payload: str) -> str:
    """Titles hold no control characters, and none that turn the direction of writing."""
    return " ".join("".join(character for character in payload if character not in TURNS).split())


def as_url(payload: str) -> str:
    """White space and control characters are refused in an address, so they do not come this far."""
    return "https://example.org/?" + "".join(character for character in as_title(payload) if _may_be_in_url(character))


def _may_be_in_url(character: str) -> bool:
    return character.isprintable() and not character.isspace()


def titles(payloads: Iterable[str]) -> Iterator[str]:
    """Titles that hold the payloads, each title as many as it may."""
    title = ""
    for payload in payloads:
        joined = f"{title} {as_title(payload)}".strip()
        if len(joined) > MAX_TITLE_LENGTH:
            yield title
            joined = as_title(payload)
        title = joined
    yield title


def refused_then_created(visitor: Visitor, button: str, fields: dict[str, str], wrong: dict[str, str]) -> None:
    """Send the open form with `wrong` in some of its fields, see all of them again, and send it as it should be."""
    page = visitor.page
    visitor.show_more()
    for name, value in (fields | wrong).items():
        page.locator(f"#{name}").fill(value)
    send_unchecked(visitor, button, status=422)
    check_page(page)
    kept = {name: page.locator(f"#{name}").input_value() for name in fields | wrong}
    assert kept == fields | wrong
    visitor.show_more()
    for name in wrong:
        page.locator(f"#{name}").fill(fields.get(name, ""))
    visitor.click(button)
    check_page(page)


@pytest.mark.parametrize("name", PAYLOADS)
def test_nothing_runs_on_the_page_of_a_paste(visitor: Visitor, site: WebServer, name: str) -> None:
    page = visitor.page
    for payload in PAYLOADS[name]:
        title = as_title(payload)
        visitor.open(f"/{create_paste(site.client, text=payload, title=title)['key']}")

        check_page(page)
        assert page.locator("h1").text_content() == title
        assert page.title() == f"{title} · Slipbin"
        assert page.locator("meta[property='og:title']").get_attribute("content") == title
        assert page.locator("img.qr-code").get_attribute("alt") == f"QR code of {page.url}"
        assert page.locator("#text").text_content() == payload
        assert page.locator("#text li > :not(.number)").count() == 0


@pytest.mark.parametrize("name", PAYLOADS)
def test_nothing_runs_on_the_page_that_says_where_a_link_leads(visitor: Visitor, site: WebServer, name: str) -> None:
    page = visitor.page
    for payload in PAYLOADS[name]:
        title, url = as_title(payload), as_url(payload)
        visitor.open(f"/{create_link(site.client, original_url=url, title=title)['key']}+")

        check_page(page)
        assert page.locator(".lead").text_content() == title
        assert page.locator("#target").text_content() == url
        assert page.title() == f"{title}: where it leads · Slipbin"


@pytest.mark.parametrize("name", PAYLOADS)
def test_nothing_runs_through_the_forms_and_what_follows_them(visitor: Visitor, name: str) -> None:
    page = visitor.page
    payloads = "\n".join(PAYLOADS[name])
    for title in titles(PAYLOADS[name]):
        visitor.open("/")
        refused_then_created(visitor, "Create paste", {"text": payloads, "title": title}, {"alias": title})
        assert page.locator("h1").text_content() == title
        assert page.locator(".strip").get_attribute("data-title") == title

        visitor.open("/?kind=link")
        url = as_url(payloads)
        refused_then_created(
            visitor, "Create link", {"original_url": url, "title": title}, {"original_url": title, "alias": title}
        )
        assert page.locator("#target").text_content() == url
        assert page.locator(".lead").text_content() == title
        assert page.locator(".strip").get_attribute("data-title") == title
        visitor.manage()
        check_page(page)
        assert page.locator("dt:text-is('Title') + dd").text_content() == title
        assert page.locator("dt:text-is('Leads to') + dd bdi").text_content() == url


@pytest.mark.parametrize("is_long", [False, True], ids=["short", "long"])
def test_nothing_runs_in_a_text_of_all_of_them(visitor: Visitor, site: WebServer, is_long: bool) -> None:
    text = "\n".join(payload for group in PAYLOADS.values() for payload in group) + "\n"
    if is_long:
        text *= 1024 * 1024 // len(text) + 1

    visitor.open(f"/{create_paste(site.client, text=text)['key']}")
    check_page(visitor.page)
    assert visitor.page.locator("#text").text_content() == text
    raw = visitor.open(visitor.path() + "/raw")
    assert raw.text() == text
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"
    assert visitor.page.evaluate("window.ran") is None
    assert visitor.page.locator("script, svg, img, iframe").count() == 0


def test_nothing_runs_through_the_name_of_a_file(visitor: Visitor, site: WebServer) -> None:
    page, text = visitor.page, "\n".join(HANDLERS)
    key = create_paste(site.client, text=text)["key"]
    for name in ("page.html", "drawing.svg", "page.xhtml", "&lt;script&gt;alert(1)&lt;script&gt;.html", "{{7}}.js"):
        raw = visitor.open(f"/{key}/raw/{quote(name)}")
        assert (raw.headers["content-type"], raw.text()) == ("text/plain; charset=utf-8", text)
        assert page.evaluate("window.ran") is None
        assert page.locator("script, svg, img").count() == 0
    # These can be no names, and the page that says so doesn't show them.
    for payload in (HANDLERS[0], BREAKERS[1], BREAKERS[7]):
        visitor.open(f"/{key}/raw/{quote(payload, safe='')}", status=404)
        check_page(page)
        assert RUN not in visitor.main_text()

    for payload in (HANDLERS[0], BREAKERS[7], f"../../{TAGS[0]}"):
        title = as_title(f"{payload}.html")
        visitor.open(f"/{create_paste(site.client, text=text, title=title)['key']}")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        saved = download.value.suggested_filename
        assert saved.endswith(".html")
        assert not set(saved) & set('<>"/\\')
        assert download.value.path().read_text() == text
        check_page(page)


def test_nothing_runs_through_the_address_bar(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    page.locator("#text").fill("a text")
    visitor.click("Create paste")
    address = visitor.short_link()
    payload = f"<img src=x onerror={RUN}>"

    for path, status in (
        (f"/?kind={payload}", 200),
        (f"/{payload}", 404),
        (f"/{payload}+", 404),
        (f"/x/{payload}", 404),
        (f"{address}?{payload}#L1{payload}", 200),
        (f"{address}#{payload}", 200),
    ):
        visitor.open(path, status=status)
        check_page(page)
        assert "onerror" not in visitor.main_text()
    # Else the browser would not be asked for a token.
    visitor.context.clear_cookies()
    visitor.open(f"{address}/manage#{payload}")
    check_page(page)
    assert "onerror" in page.locator("#token").input_value()
    visitor.click("Manage", status=403)
    check_page(page)


def test_nothing_runs_in_the_list_of_my_slips_and_in_what_is_searched_for(visitor: Visitor, site: WebServer) -> None:
    page, user = visitor.page, new_user(site.client)
    payloads = [payload for group in PAYLOADS.values() for payload in group]
    made = [*titles(payloads)]
    for title in made:
        create_link(site.client, headers=user.headers, title=title)
    url = create_link(site.client, headers=user.headers, original_url=as_url("".join(payloads)))["original_url"]
    sign_in(visitor, user)
    check_page(page)
    assert page.locator(".entries .title").all_text_contents() == [url, *reversed(made)]

    for payload in ("<script", "<img src=x onerror=", '"><script>', "{{7*7}}", f"none has this <svg onload={RUN}>"):
        page.locator("#q").fill(payload)
        asked = f"/profile?{urlencode({'q': payload})}"
        expect(page.locator("#slips")).to_have_attribute("data-path", asked)
        check_page(page)
    assert page.locator("#count").text_content() == f"Nothing matches “{payload}”."
