"""tests/support/routes.py names every route, so that the tests that walk all routes miss none."""

from tests.support.routes import all_routes


def test_each_route_of_the_application_has_a_row_and_each_row_a_route() -> None:
    assert len(all_routes()) > 100
