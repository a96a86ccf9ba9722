"""A link is made, followed, and its visits are looked at; nothing that other visitors sent runs as a script."""

import httpx
from playwright.sync_api import Page

from tests.browser.payloads import PAYLOADS, RUN
from tests.browser.visitor import NewVisitor
from tests.support.engines import Environment
from tests.support.visits import FIREFOX, GOOGLEBOT
from tests.support.web import WebServer
from tests.support.workers import run_task

TITLE = f"<img src=x onerror={RUN}>"
HOSTILE = [payload for payloads in PAYLOADS.values() for payload in payloads]


def as_header(text: str) -> bytes:
    """The text without control characters, which a header can't have."""
    return " ".join("".join(max(sign, " ") for sign in text).split()).encode()


def come_as_hostile(site: WebServer, path: str) -> int:
    """Visit with each payload as program, language and referrer; return how many visits these were."""
    with site.new_client() as client:
        for payload in HOSTILE:
            for headers in (
                {"User-Agent": payload, "Accept-Language": payload, "Referer": payload},
                {"User-Agent": f"{FIREFOX} {payload}", "Referer": f"https://{payload}/"},
                {"User-Agent": f"{payload}/1.0 {FIREFOX}", "Referer": f"https://hostile.example/{payload}"},
            ):
                sent = [(name.encode(), as_header(value)) for name, value in headers.items()]
                assert client.get(path, headers=sent).status_code == 302
    return 3 * len(HOSTILE)


def people_and_crawlers(page: Page) -> tuple[int, int]:
    people, _, _, crawlers = page.locator(".figures dd").all_inner_texts()
    return int(people.replace(",", "")), int(crawlers.replace(",", ""))


def test_visits_are_on_the_page_of_who_made_the_link(
    new_visitor: NewVisitor, site: WebServer, environment: Environment, target: str
) -> None:
    maker, reader = new_visitor(), new_visitor()
    page = maker.page
    maker.open("/?kind=link")
    page.locator("#original_url").fill(target)
    page.locator("#title").fill(TITLE)
    maker.click("Create link")
    path = f"/{maker.short_link().rpartition('/')[2]}"

    # Without it a headless browser says that it is one, and counts as a crawler.
    reader.context.set_extra_http_headers({"User-Agent": FIREFOX})
    for _ in range(2):
        reader.open(path)
        assert reader.page.get_by_role("heading", name="Arrived").is_visible()
    assert (
        httpx.get(site.address + path, headers={"User-Agent": GOOGLEBOT}, trust_env=False, timeout=60).status_code
        == 302
    )
    run_task("ingest_visits", environment=environment)
    maker.manage()
    maker.click("Statistics")

    assert people_and_crawlers(page) == (2, 1)

    hostile = come_as_hostile(site, path)
    run_task("ingest_visits", environment=environment)
    page.reload()
    for summary in page.locator("main summary").all():
        summary.click()

    assert sum(people_and_crawlers(page)) == 3 + hostile
    assert page.locator(".breakdowns").get_by_text("hostile.example").count() == 1
    assert TITLE in maker.main_text()
    assert page.evaluate("window.ran") is None
    assert page.locator("main script, main iframe, main svg a, main img:not(.qr img)").count() == 0
