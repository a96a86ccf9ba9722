"""Swagger UI and ReDoc start under our policy; what they are made of is others' work."""

from tests.browser.visitor import NewVisitor, View, in_every_view


@in_every_view
def test_both_pages_show_the_api_and_load_nothing_from_elsewhere(new_visitor: NewVisitor, view: View) -> None:
    visitor = new_visitor(view)
    page = visitor.page

    visitor.open("/docs")
    page.get_by_text("/api/v1/pastes").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.locator(".opblock-summary-control").first.click()
    page.locator(".opblock-body").first.wait_for()

    visitor.open("/redoc")
    page.locator("#redoc h1").first.wait_for()
    page.wait_for_load_state("networkidle")
