"""Addresses are made of MAIN_PUBLIC_URL as browsers spell it, also where its host has letters of other scripts."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.engines import Environment
from tests.support.pages import BROWSER, created_key, send_form
from tests.support.web import WebServer

ORIGIN = "http://xn--bcher-kva.example:8000"


@pytest.fixture(scope="module")
def books(environment: Environment) -> Iterator[httpx.Client]:
    """A visitor of a service at such a host, with texts in Amazon's S3, to which nothing is sent."""
    settings = environment | {
        "MAIN_PUBLIC_URL": "HTTP://B\u00fccher.example:8000/",
        "MAIN_BODY_STORE_URL": "s3://texts/bodies",
        "AWS_ACCESS_KEY_ID": "an-id",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
    }
    with WebServer(settings) as server, server.new_client() as visitor:
        yield visitor


def test_entry_has_an_address_of_punycode(books: httpx.Client) -> None:
    created = books.post("/api/v1/links", json={"original_url": "https://example.org/"})

    assert created.status_code == 201
    url = created.json()["short_url"]
    assert url == created.headers["location"]
    assert url.startswith(f"{ORIGIN}/")
    assert books.get(url.removeprefix(ORIGIN)).headers["location"] == "https://example.org/"
    assert books.get(f"{url.removeprefix(ORIGIN)}/qr.svg").status_code == 200


def test_form_makes_an_entry_too(books: httpx.Client) -> None:
    key = created_key(send_form(books, "/?kind=link", "/links", original_url="https://example.org/form"))

    assert f'value="{ORIGIN}/{key}"' in books.get(f"/{key}+", headers=BROWSER).text
    assert books.get("/", headers=BROWSER).status_code == 200


@pytest.mark.parametrize("host", ["b\u00fccher.example:8000", "xn--bcher-kva.example:8000", "B\u00dcCHER.example:8000"])
def test_link_may_not_lead_to_the_service_however_its_host_is_spelled(books: httpx.Client, host: str) -> None:
    refused = books.post("/api/v1/links", json={"original_url": f"http://{host}/x"})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "url_of_this_service"
