"""Links that pass the query of a visit on to their target."""

import re

import httpx
import pytest

from tests.support.accounts import new_user
from tests.support.entries import create_link, create_paste, list_entries, manage_headers
from tests.support.pages import BROWSER, created_key, send_form, words
from tests.support.raw_http import get_request, on_a_kept_connection
from tests.support.web import WebServer

TARGET = "https://example.org/a"


@pytest.mark.parametrize(
    ("target", "query", "location"),
    [
        (TARGET, "", TARGET),
        (TARGET, "?", TARGET),
        (TARGET, "?utm=x", f"{TARGET}?utm=x"),
        (f"{TARGET}?", "?utm=x", f"{TARGET}?utm=x"),
        (f"{TARGET}?b=1", "?utm=x&c", f"{TARGET}?b=1&utm=x&c"),
        (f"{TARGET}?b=1&", "?utm=x", f"{TARGET}?b=1&utm=x"),
        (f"{TARGET}?b=1#f?g=2", "?utm=x", f"{TARGET}?b=1&utm=x#f?g=2"),
        (f"{TARGET}#f", "?utm=x", f"{TARGET}?utm=x#f"),
        ("https://example.org", "?utm=x", "https://example.org?utm=x"),
        # What the maker has set, no visitor replaces, however it is written.
        (f"{TARGET}?to=me&b=1", "?to=you&%74o=you&utm=x", f"{TARGET}?to=me&b=1&utm=x"),
        (f"{TARGET}?a+b=1", "?a%20b=2&a+b=3", f"{TARGET}?a+b=1"),
        (TARGET, "?a=1&a=2&&a=3", f"{TARGET}?a=1&a=2&a=3"),
        # Unchanged, as far as it can be sent.
        (
            TARGET,
            "?q=%C3%A4+%0d%0aX:1&u=https://b.example/?c;d",
            f"{TARGET}?q=%C3%A4+%0d%0aX:1&u=https://b.example/?c;d",
        ),
        (TARGET, '?q="<>', f"{TARGET}?q=%22%3C%3E"),
        (
            "https://bücher.example/ä",
            "?view=code&lang=none",
            "https://xn--bcher-kva.example/%C3%A4?view=code&lang=none",
        ),
        (TARGET, f"?q={'a' * 8192}", TARGET),
    ],
)
def test_query_comes_behind_that_of_the_target(web: WebServer, target: str, query: str, location: str) -> None:
    key = create_link(web.client, original_url=target, passes_query=True)["key"]

    # The first read puts it into the cache; with a slash at its end, it is the same link.
    requests = [get_request(f"/{key}{slash}{query}") for slash in ("", "", "/")]
    answers = on_a_kept_connection(web, *requests)

    assert [(answer.status, answer.headers["location"]) for answer in answers] == [(302, location)] * 3


def test_it_is_a_choice_that_can_be_changed(client: httpx.Client) -> None:
    link = create_link(client)
    address, visit = f"/api/v1/entries/{link['key']}", f"/{link['key']}?utm=x"

    def change(passes_query: object) -> httpx.Response:
        return client.patch(address, json={"passes_query": passes_query}, headers=manage_headers(link))

    locations = []
    for chosen in (None, True, False):
        if chosen is not None:
            assert change(chosen).json()["passes_query"] is chosen
        # Twice: from the row, and from the cache.
        locations += [client.get(visit).headers["location"] for _ in range(2)]

    plain, passed = "https://example.org/target", "https://example.org/target?utm=x"
    assert link["passes_query"] is False
    assert locations == [plain] * 2 + [passed] * 2 + [plain] * 2
    assert [change(wrong).status_code for wrong in (None, "yes", 1)] == [422] * 3


def test_paste_has_no_such_choice(client: httpx.Client) -> None:
    paste = create_paste(client)

    changed = client.patch(
        f"/api/v1/entries/{paste['key']}", json={"passes_query": True}, headers=manage_headers(paste)
    )
    created = client.post("/api/v1/pastes", json={"text": "a", "passes_query": True})

    assert "passes_query" not in paste
    assert (changed.status_code, changed.json()["errors"][0]["code"]) == (422, "field_of_other_kind")
    assert created.status_code == 422


def test_question_before_a_limited_view_keeps_the_query(client: httpx.Client) -> None:
    link = create_link(client, views=2, passes_query=True, original_url=f"{TARGET}?b=1")

    page = client.get(f"/{link['key']}?lang=de&x=%22%26", headers=BROWSER).text
    action = re.search(r'action="(/[^"]*/reveal[^"]*)"', page)
    assert action
    assert action[1] == f"/{link['key']}/reveal?lang=de&amp;x=%22%26"
    followed = client.post(action[1].replace("&amp;", "&"), data={"other": ""}, headers=BROWSER)

    assert (followed.status_code, followed.headers["location"]) == (303, f"{TARGET}?b=1&lang=de&x=%22%26")


def test_forms_choose_it_and_pages_say_so(client: httpx.Client) -> None:
    said = "are passed on to this URL"
    key = created_key(send_form(client, "/?kind=link", "/links", original_url=TARGET, passes_query="yes"))
    plain = created_key(send_form(client, "/?kind=link", "/links", original_url=TARGET, passes_query=""))
    paste = created_key(send_form(client, "/", "/pastes", kind="paste", text="a", passes_query="yes"))

    assert client.get(f"/{key}?utm=x").headers["location"] == f"{TARGET}?utm=x"
    assert client.get(f"/{plain}?utm=x").headers["location"] == TARGET
    assert client.get(f"/{paste}").status_code == 200
    previews = [words(client.get(f"/{each}+", headers=BROWSER)) for each in (key, plain)]
    assert [said in preview for preview in previews] == [True, False]
    box = r'name="passes_query" value="yes"( checked)?'
    edit = f"/{key}/manage/edit"
    shown = client.get(edit, headers=BROWSER).text
    assert re.findall(box, shown) == [" checked"]
    assert re.findall(box, client.get(f"/?from={key}", headers=BROWSER).text) == [" checked"]
    fields = dict(re.findall(r'<input type="hidden" name="(version|seen)" value="([^"]*)"', shown))
    fields |= {"original_url": TARGET, "visibility": "unlisted"}

    assert send_form(client, edit, edit, **fields).status_code == 303
    assert client.get(f"/{key}?utm=x").headers["location"] == TARGET
    assert re.findall(box, client.get(edit, headers=BROWSER).text) == [""]


def test_lists_and_exports_say_so(client: httpx.Client) -> None:
    user = new_user(client)
    create_link(client, headers=user.headers, passes_query=True)

    (listed,) = list_entries(client, user)["items"]
    names, values = client.get("/api/v1/entries/export?format=csv", headers=user.headers).text.splitlines()

    assert listed["passes_query"] is True
    assert dict(zip(names.split(","), values.split(","), strict=True))["passes_query"] == "True"
