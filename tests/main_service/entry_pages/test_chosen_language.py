"""A paste in another language than its own, and its text as a file."""

import re
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
import redis

from main_service.entry_pages.chosen_language import COUNTED_BYTES
from tests.support.engines import NO_LIMITS, Environment
from tests.support.entries import create_link, create_paste
from tests.support.limited_views import views_left
from tests.support.pages import BROWSER, CURL
from tests.support.visits import FIREFOX, wait_for_streamed_visits
from tests.support.waiting import eventually
from tests.support.web import WebServer

MOST = 2
WAYS = (".py", "?lang=python", "/download", "/raw/a.py")
TEXT = "def main():\n    return 1\n"


def page(client: httpx.Client, path: str) -> httpx.Response:
    return client.get(path, headers=BROWSER)


def coloured_page(client: httpx.Client, path: str) -> httpx.Response:
    """The page, once it has its colours: the renderer may take too long for the first readers."""
    return eventually(lambda: ">return " in (it := page(client, path)).text and it, f"colours of {path}")


@pytest.mark.parametrize("path", ["/{key}?lang=ruby", "/{key}?lang=RUBY", "/{key}.rb", "/{key}.ruby"])
def test_reader_chooses_the_language(client: httpx.Client, path: str) -> None:
    paste = create_paste(client, text=TEXT, syntax="python", visibility="public")
    own = coloured_page(client, f"/{paste['key']}")

    chosen = page(client, path.format(key=paste["key"]))

    assert chosen.status_code == 200
    assert '<option value="ruby">Ruby</option>' in chosen.text
    assert '<option value="python">Python</option>' in chosen.text
    assert "(detected)" not in chosen.text
    assert (own.headers["x-robots-tag"], chosen.headers["x-robots-tag"]) == ("all", "noindex")
    assert page(client, f"/{paste['key']}").text == own.text


@pytest.mark.parametrize("path", ["/{key}?lang=c%2B%2B", "/{key}.cpp"])
def test_links_of_the_page_carry_the_language_on(client: httpx.Client, path: str) -> None:
    key = create_paste(client, text="a: 1\n")["key"]

    shown = page(client, path.format(key=key)).text
    download = client.get(f"/{key}/download?lang=cpp")

    language = re.search(r"lang=(c[^\"&]+)", shown)
    assert language is not None
    assert language[1] in ("c%2B%2B", "cpp")
    assert f'href="/{key}?lang={language[1]}" aria-current' in shown
    assert f'href="/{key}/raw/{key}.cpp"' in shown
    assert f'href="/{key}/download?lang={language[1]}"' in shown
    assert download.headers["content-disposition"] == f'attachment; filename="{key}.cpp"'
    assert client.get(f"/{key}/download?lang=nonsense").status_code == 422


def test_tabs_carry_the_language_on(client: httpx.Client) -> None:
    key = create_paste(client, text="| a |\n| - |\n")["key"]

    shown = page(client, f"/{key}.md").text

    assert f'href="/{key}?lang=markdown&amp;view=code"' in shown
    code = page(client, f"/{key}?lang=markdown&view=code").text
    assert '<option value="markdown">Markdown</option>' in code
    assert f'href="/{key}?lang=markdown&amp;view=preview"' in code
    assert "lang=" not in re.sub(r"<html[^>]*>", "", page(client, f"/{key}").text)


@pytest.mark.parametrize("path", ["/{key}?lang=ruby", "/{key}.rb"])
def test_language_lasts_through_the_question_of_limited_views(client: httpx.Client, path: str) -> None:
    paste = create_paste(client, text=TEXT, syntax="python", views=2)
    action = f"/{paste['key']}/reveal?lang=ruby"

    asked = page(client, path.format(key=paste["key"]))
    shown = client.post(action, data={"x": "y"}, headers=BROWSER)

    assert f'action="{action}"' in asked.text
    assert "Ruby" in shown.text
    assert "Python" not in shown.text
    assert page(client, action).headers["location"] == f"/{paste['key']}?lang=ruby"


def test_page_says_whether_its_language_was_detected(client: httpx.Client) -> None:
    named = create_paste(client, text=TEXT, title="app.rb")
    given = create_paste(client, text=TEXT, syntax="ruby")
    plain = create_paste(client, text=TEXT)

    assert "Ruby (detected)" in page(client, f"/{named['key']}").text
    assert "(detected)" not in page(client, f"/{given['key']}").text
    assert "Plain text" in page(client, f"/{plain['key']}").text
    assert "Plain text" in page(client, f"/{named['key']}?lang=text").text


def test_unknown_language_is_refused_in_words(client: httpx.Client) -> None:
    paste = create_paste(client)

    for_people = page(client, f"/{paste['key']}?lang=nonsense")
    for_programs = client.get(f"/{paste['key']}?lang=nonsense")

    assert (for_people.status_code, for_programs.status_code) == (422, 422)
    assert "There is no such language" in for_people.text
    assert for_programs.json()["errors"][0]["field"] == "lang"
    assert page(client, f"/{paste['key']}?lang=").status_code == 200
    assert page(client, f"/{create_link(client)['key']}?lang=nonsense").status_code == 302


@pytest.mark.parametrize("path", ["/{key}.nonsense", "/{key}.", "/{key}.py.py", "/.py", "/nothing.py"])
def test_unknown_extension_is_not_found(client: httpx.Client, path: str) -> None:
    assert client.get(path.format(key=create_paste(client)["key"])).status_code == 404


def test_link_has_neither_language_nor_file(client: httpx.Client) -> None:
    key = create_link(client)["key"]

    assert client.get(f"/{key}.py").status_code == 404
    assert {client.get(f"/{key}/{end}").status_code for end in ("download", "raw/a.py")} == {404}


def test_programs_get_the_text_whatever_the_language(client: httpx.Client) -> None:
    paste = create_paste(client, text=TEXT)

    for path in (f"/{paste['key']}.py", f"/{paste['key']}?lang=ruby", f"/{paste['key']}/raw/app.py"):
        answer = client.get(path)
        assert (answer.text, answer.headers["content-type"]) == (TEXT, "text/plain; charset=utf-8")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].endswith("sandbox; frame-ancestors 'none'")


@pytest.mark.parametrize("name", ["..%5Ca.py", "a%0D%0Ab.py", "con.txt", "a%E2%80%AEyp.exe", "a%22.py"])
def test_file_name_in_the_url_must_be_one_of_a_file(client: httpx.Client, name: str) -> None:
    key = create_paste(client)["key"]

    assert client.get(f"/{key}/raw/{name}").status_code == 404
    assert client.get(f"/{key}/raw/%C3%9Cbersicht%201.csv").status_code == 200


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"title": "app.py"}, 'filename="app.py"'),
        ({"title": "My notes.md"}, 'filename="My notes.md"'),
        ({"title": "Notes about cats", "syntax": "markdown"}, 'filename="{key}.md"'),
        ({"title": "../../etc/passwd.txt"}, 'filename="passwd.txt"'),
        ({"title": "nul.txt"}, 'filename="_nul.txt"'),
        (
            {"title": 'a"; filename="b.html'},
            "filename=\"a__ filename__b.html\"; filename*=UTF-8''a_%3B%20filename%3D_b.html",
        ),
        ({"title": "Größe 100%.csv"}, "filename=\"Groe 100_.csv\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20100%25.csv"),
        ({}, 'filename="{key}.txt"'),
        ({"text": "#!/bin/sh\n"}, 'filename="{key}.sh"'),
    ],
)
def test_download_has_its_real_name(client: httpx.Client, fields: dict[str, str], name: str) -> None:
    paste = create_paste(client, **{"text": TEXT, **fields})

    answer = client.get(f"/{paste['key']}/download")

    assert answer.status_code == 200
    assert answer.text == fields.get("text", TEXT)
    assert answer.headers["content-disposition"] == f"attachment; {name.format(key=paste['key'])}"
    assert f'href="/{paste["key"]}/download"' in page(client, f"/{paste['key']}").text


def test_each_way_spends_one_view(client: httpx.Client) -> None:
    paste = create_paste(client, text=TEXT, views=len(WAYS) + 1)

    for number, way in enumerate(WAYS):
        assert "content-disposition" not in page(client, f"/{paste['key']}{way}").headers
        assert views_left(client, paste) == len(WAYS) + 1 - number
        assert client.get(f"/{paste['key']}{way}", headers=CURL).text == TEXT
    assert page(client, f"/{paste['key']}?lang=nonsense").status_code == 422
    assert views_left(client, paste) == 1


def test_each_way_is_one_visit(client: httpx.Client, valkey: "redis.Redis[str]") -> None:
    key = create_paste(client, text=TEXT)["key"]

    for way in WAYS:
        client.get(f"/{key}{way}", headers={**BROWSER, "User-Agent": FIREFOX}).raise_for_status()
        client.head(f"/{key}{way}", headers={**BROWSER, "User-Agent": FIREFOX}).raise_for_status()

    wait_for_streamed_visits(valkey, Counter({key: len(WAYS)}))


def test_language_chosen_on_the_page_is_no_second_visit_and_elsewhere_is_one(
    client: httpx.Client, valkey: "redis.Redis[str]"
) -> None:
    key = create_paste(client, text=TEXT)["key"]
    looks = [
        (f"/{key}?lang=ruby", {}),
        (f"/{key}?lang=ruby", {"Sec-Fetch-Site": "cross-site"}),
        (f"/{key}?lang=ruby", {"Sec-Fetch-Site": "none"}),
        (f"/{key}.rb", {"Sec-Fetch-Site": "same-origin"}),
        (f"/{key}", {"Sec-Fetch-Site": "same-origin"}),
    ]

    # From one language or view to another on our page, it is the same visit.
    for query in ("?lang=ruby", "?view=code", "?view=code&lang=ruby"):
        headers = {**BROWSER, "User-Agent": FIREFOX, "Sec-Fetch-Site": "same-origin"}
        client.get(f"/{key}{query}", headers=headers).raise_for_status()
    for path, headers in looks:
        client.get(path, headers={**BROWSER, "User-Agent": FIREFOX, **headers}).raise_for_status()
    # A program that says so still gets the text, and not other colours.
    client.get(f"/{key}?lang=ruby", headers={**CURL, "Sec-Fetch-Site": "same-origin"}).raise_for_status()

    wait_for_streamed_visits(valkey, Counter({key: len(looks) + 1}))


@pytest.fixture(scope="module")
def rendering_limited(environment: Environment) -> Iterator[WebServer]:
    """A web process with a low limit that believes what `X-Forwarded-For` says."""
    limits = {"MAIN_LIMIT_RENDERINGS": f"{MOST}/day", "MAIN_TRUSTED_PROXIES": "127.0.0.1"}
    with WebServer(environment | NO_LIMITS | limits) as server:
        yield server


def test_new_renderings_are_limited_by_address_and_kept_ones_are_not(rendering_limited: WebServer) -> None:
    client = rendering_limited.client
    key = create_paste(client, text=TEXT, syntax="python")["key"]
    strangers = (f"198.51.100.{number}" for number in range(1, 255))

    def ask(path: str, address: str = "203.0.113.1") -> httpx.Response:
        return client.get(path, headers={**BROWSER, "X-Forwarded-For": address})

    def status(language: str) -> int:
        return ask(f"/{key}?lang={language}").status_code

    assert [status(language) for language in ("ruby", "perl", "lua")] == [200, 200, 429]
    # The renderer may have taken too long for the first.
    for path in (f"/{key}?lang=ruby", f"/{key}?lang=perl"):
        eventually(lambda path=path: ">return " in ask(path, next(strangers)).text, f"colours of {path}")
    assert {status(language) for language in ("ruby", "perl", "python", "text")} == {200}
    assert ask(f"/{key}").status_code == 200
    assert ask(f"/{key}.php").status_code == 429
    assert ask(f"/{key}.php", next(strangers)).status_code == 200


@pytest.mark.parametrize(
    ("parts", "statuses"), [(1, [200, 200, 429]), (MOST, [200, 429, 429]), (MOST + 1, [200, 429, 429])]
)
def test_each_part_of_a_long_text_counts_but_never_more_than_is_allowed_at_all(
    rendering_limited: WebServer, parts: int, statuses: list[int]
) -> None:
    client = rendering_limited.client
    key = create_paste(client, text="a" * (parts * COUNTED_BYTES), syntax="python")["key"]
    reader = {**BROWSER, "X-Forwarded-For": f"203.0.113.{100 + parts}"}

    answers = [client.get(f"/{key}?lang={language}", headers=reader) for language in ("ruby", "perl", "lua")]

    assert [answer.status_code for answer in answers] == statuses


def test_renderings_of_limited_views_are_limited_before_a_view_is_spent(rendering_limited: WebServer) -> None:
    client = rendering_limited.client
    paste = create_paste(client, text=TEXT, syntax="python", views=9)
    reader = {**BROWSER, "X-Forwarded-For": "203.0.113.200"}

    def reveal(query: str) -> int:
        return client.post(f"/{paste['key']}/reveal{query}", data={"x": "y"}, headers=reader).status_code

    # Nothing is kept of such a text.
    assert [reveal("?lang=ruby"), reveal("?lang=ruby"), reveal("?lang=ruby")] == [200, 200, 429]
    assert views_left(client, paste) == 7
    assert [reveal(""), reveal("?lang=python")] == [200, 200]
