"""The pages of collections, without JavaScript: what one does there, and who may."""

import re
from html import unescape
from uuid import uuid4

import asyncpg
import httpx

from tests.support.accounts import User, new_user, sign_in_on_page
from tests.support.collections import (
    COLLECTIONS,
    add_to_collection,
    collection_keys,
    create_collection,
    share_collection,
)
from tests.support.entries import create_link, create_paste
from tests.support.pages import BROWSER, FOREIGN, led_on, send_urlencoded_form, words
from tests.support.web import WebServer

FORMS = ("name", "sharing", "entries", "remove", "delete")


def signed_in(client: httpx.Client) -> User:
    """A new user, whose pages the client opens."""
    user = new_user(client)
    assert sign_in_on_page(client, user.email).status_code == 303
    return user


def opened(client: httpx.Client, address: str) -> httpx.Response:
    return client.get(address, headers=BROWSER)


def send_own(client: httpx.Client, form: str, /, **fields: str) -> httpx.Response:
    """Send a form of a collection's page; `form`: its path below `/collections/`."""
    page = f"/collections/{form.partition('/')[0]}"
    return send_urlencoded_form(client, page, f"/collections/{form}", **fields)


def rows(page: httpx.Response) -> list[str]:
    """The keys of the entries on a page, in their order."""
    return re.findall(r'<a class="entry" href="/([\w-]+)"', page.text)


def test_collection_is_made_renamed_and_deleted(client: httpx.Client) -> None:
    user = signed_in(client)

    made = send_urlencoded_form(client, "/collections", "/collections", name="  Reading <list> ")
    place = made.headers["location"]
    assert (made.status_code, place.startswith("/collections/")) == (303, True)
    assert "Reading <list>" in words(opened(client, place))
    assert "<list>" not in opened(client, place).text
    renamed = send_own(client, f"{place.rpartition('/')[2]}/name", name="Read")
    assert (renamed.headers["location"], "Renamed." in words(led_on(client, renamed))) == (
        f"{place}?done=renamed",
        True,
    )
    assert "Read 0 entries" in words(opened(client, "/collections"))
    unsure = send_own(client, f"{place.rpartition('/')[2]}/delete")
    assert (unsure.status_code, "Tick the box" in words(unsure)) == (422, True)
    deleted = send_own(client, f"{place.rpartition('/')[2]}/delete", confirm="yes")
    assert (deleted.status_code, deleted.headers["location"]) == (303, "/collections")
    assert opened(client, place).status_code == 404
    assert client.get(COLLECTIONS, headers=user.headers).json() == {"items": []}


def test_page_says_of_a_form_only_what_it_knows(client: httpx.Client) -> None:
    place = f"/collections/{create_collection(client, signed_in(client))['id']}"

    for query in ("done=added&count=0", "done=added&count=<b>", "done=added&count=12345", "done=added", "done=<b>"):
        assert 'class="notice"' not in opened(client, f"{place}?{query}").text, query
    assert "1,000 entries added." in words(opened(client, f"{place}?done=added&count=1000"))


def test_name_that_is_refused_is_shown_again(client: httpx.Client) -> None:
    user = signed_in(client)
    create_collection(client, user, "Taken")
    other = create_collection(client, user, "Other")

    for name, status, sentence in (
        ("TAKEN", 409, "You already have a collection with this name"),
        ("", 422, "visible characters"),
        ("x" * 101, 422, "at most 100"),
        ("a\tb", 422, "control characters"),
    ):
        for page in (
            send_urlencoded_form(client, "/collections", "/collections", name=name),
            send_own(client, f"{other['id']}/name", name=name),
        ):
            assert (page.status_code, sentence in words(page)) == (status, True), name
            assert f'value="{name}"' in page.text
            assert 'aria-invalid="true"' in page.text
            assert "Other" in page.text


def test_entries_are_added_by_address_or_key_and_taken_out(client: httpx.Client) -> None:
    user = signed_in(client)
    collection = create_collection(client, user)
    a, b, c, d = (create_paste(client)["key"] for _ in range(4))

    text = f"http://slipbin.test/{a}, HTTPS://SLIPBIN.TEST/{b}/manage#token\r\n{c}\tslipbin.test/{d}+"
    page = led_on(client, send_own(client, f"{collection['id']}/entries", keys=text))
    assert "4 entries added." in words(page)
    assert sorted(rows(page)) == sorted([a, b, c, d])
    removed = led_on(client, send_own(client, f"{collection['id']}/remove", key=a))
    assert "Removed" in words(removed)
    assert sorted(rows(removed)) == sorted([b, c, d])
    assert client.get(f"/{a}").status_code == 200


def test_what_cannot_be_added_is_told_and_typed_in_again(client: httpx.Client) -> None:
    user, other = signed_in(client), new_user(client)
    collection = create_collection(client, user)
    key = create_paste(client)["key"]
    private = create_paste(client, headers=other.headers, visibility="private")["key"]
    elsewhere = f"https://elsewhere.example/{key}"
    wrong = [private, "0AAAAAAAAAA", elsewhere, "<b>", f"other/{key}"]

    for keys, status, sentence in (("", 422, "Enter the link or key"), ("a1 " * 1, 422, "couldn't be added")):
        page = send_own(client, f"{collection['id']}/entries", keys=keys)
        assert (page.status_code, sentence in words(page)) == (status, True)
    page = send_own(client, f"{collection['id']}/entries", keys=" ".join([key, *wrong]))

    assert (page.status_code, "1 entry added." in words(page)) == (422, True)
    assert unescape(re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)[1]).split("\n") == wrong
    assert collection_keys(client, user, collection) == [key]
    many = " ".join(f"k-{number}" for number in range(1001))
    assert "at most 1,000" in words(send_own(client, f"{collection['id']}/entries", keys=many))


def test_selected_entries_are_added_to_the_chosen_collection(client: httpx.Client) -> None:
    user, other = signed_in(client), new_user(client)
    collection, theirs = create_collection(client, user), create_collection(client, other)
    keys = [create_paste(client, headers=user.headers)["key"] for _ in range(2)]

    fields = {"collection": collection["id"], "keys": keys, "view": ""}
    done = led_on(client, client.post("/collections/add", data=fields, headers=BROWSER))

    assert "2 entries added." in words(done)
    assert sorted(rows(done)) == sorted(keys)
    for chosen, status in (("", 422), ("x", 422), (theirs["id"], 404), (str(uuid4()), 404)):
        refused = send_urlencoded_form(client, "/collections", "/collections/add", collection=chosen, keys=keys[0])
        assert refused.status_code == status
    assert collection_keys(client, other, theirs) == []


def test_sharing_shows_the_address_until_it_ends(client: httpx.Client, web: WebServer) -> None:
    user = signed_in(client)
    collection = create_collection(client, user, "For <all>")
    key = create_link(client, title="<i>shown</i>")["key"]
    add_to_collection(client, user, collection, key)

    page = led_on(client, send_own(client, f"{collection['id']}/sharing", is_shared="yes"))
    address = re.search(r'id="shared-url">http://slipbin\.test(/c/\w{11})<', page.text)[1]
    with web.new_client() as guest:
        shared = opened(guest, address)
        assert (shared.status_code, rows(shared)) == (200, [key])
        assert shared.headers["x-robots-tag"] == "noindex"
        assert "For <all>" in words(shared)
        assert "<i>" not in shared.text
        assert 'method="post"' not in shared.text
        assert guest.head(address).status_code == 200
        for method in ("POST", "PUT", "DELETE"):
            assert guest.request(method, address).status_code == 405
        assert "Edit this collection" not in shared.text
        assert "Edit this collection" in opened(client, address).text
        page = led_on(client, send_own(client, f"{collection['id']}/sharing", is_shared="no"))
        assert "No longer shared" in words(page)
        assert opened(guest, address).status_code == 404
        assert opened(guest, address).content == opened(guest, "/c/0AAAAAAAAAA").content


def test_shared_page_shows_each_reader_what_they_may_see(client: httpx.Client, web: WebServer) -> None:
    user = signed_in(client)
    collection = create_collection(client, user)
    private = create_paste(client, headers=user.headers, visibility="private", title="secret title")["key"]
    limited = create_link(client, headers=user.headers, views=2, title="limited title")["key"]
    ended = create_paste(client, headers=user.headers)["key"]
    add_to_collection(client, user, collection, private, limited, ended)
    client.delete(f"/api/v1/entries/{ended}", headers=user.headers).raise_for_status()
    address = f"/c/{share_collection(client, user, collection)}"

    with web.new_client() as guest:
        page = opened(guest, address)
        assert rows(page) == [limited]
        assert not re.search("secret title|limited title|example.org", page.text)
        bearer_only = guest.get(address, headers=BROWSER | user.headers)
        assert rows(bearer_only) == [limited], "pages ignore bearer tokens"
    own = opened(client, address)
    assert rows(own) == [limited, private]
    assert "limited title" not in own.text
    of_owner = opened(client, f"/collections/{collection['id']}")
    assert rows(of_owner) == [limited, private]
    assert "limited title" in of_owner.text


async def test_pages_of_a_long_list_follow_each_other(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = signed_in(client)
    collection = create_collection(client, user)
    prefix = uuid4().hex[:8]
    await database.execute(
        "INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url)"
        " SELECT $1 || n, 'link', 'unlisted', now(), now(), now() + interval '1 day', 'https://example.org/'"
        " FROM generate_series(100, 219) n",
        prefix,
    )
    keys = [f"{prefix}{number}" for number in range(219, 99, -1)]
    client.post(f"{COLLECTIONS}/{collection['id']}/entries", json={"keys": keys}, headers=user.headers)

    for start in (f"/collections/{collection['id']}", f"/c/{share_collection(client, user, collection)}"):
        seen, place = [], start
        while place:
            page = opened(client, place)
            seen += rows(page)
            older = re.search(r'href="([^"]+)" rel="next"', page.text)
            assert (f'href="{start}">Newest' in page.text) is (place != start)
            place = older[1] if older else ""
        assert seen == keys
    deep = f"/collections/{collection['id']}?cursor={'9' * 16}.zzz"
    led = send_urlencoded_form(client, deep, f"/collections/{collection['id']}/remove?cursor=1.zzz", key=keys[0])
    removed = led_on(client, led)
    assert (rows(removed), "Nothing older" in words(removed)) == ([], True)
    assert opened(client, f"/collections/{collection['id']}?cursor=x").status_code == 422


async def test_only_its_owner_opens_or_sends_anything(
    client: httpx.Client, web: WebServer, database: asyncpg.Connection
) -> None:
    owner = signed_in(client)
    collection = create_collection(client, owner)
    inside, outside = create_paste(client)["key"], create_paste(client)["key"]
    add_to_collection(client, owner, collection, inside)
    state = "SELECT c::text || string_agg(e::text, ',') FROM collection c JOIN collection_entry e"
    state += " ON collection_id = id WHERE id = $1 GROUP BY c.*"
    before = await database.fetchval(state, collection["id"])
    fields = {"name": "Theirs", "is_shared": "yes", "keys": outside, "key": inside, "confirm": "yes"}
    fields |= {"collection": collection["id"]}
    places = [f"/collections/{collection['id']}/{form}" for form in FORMS] + ["/collections/add"]

    with web.new_client() as guest, web.new_client() as other:
        signed_in(other)
        for page in ("/collections", f"/collections/{collection['id']}"):
            answer = opened(guest, page)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={page}")
            # Pages ignore bearer tokens.
            assert guest.get(page, headers=BROWSER | owner.headers).status_code == 303
        theirs, unknown = (opened(other, f"/collections/{each}") for each in (collection["id"], uuid4()))
        assert (theirs.status_code, theirs.content) == (404, unknown.content)
        for place in places:
            answer = guest.post(place, data=fields, headers=BROWSER)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/collections")
            assert send_urlencoded_form(other, "/collections", place, **fields).status_code == 404
            for foreign in FOREIGN:
                forged = client.post(place, data=fields, headers=BROWSER | foreign)
                assert forged.status_code == 403, place
        assert guest.post("/collections", data=fields, headers=BROWSER).status_code == 303
        assert client.post("/collections", data=fields, headers=BROWSER | FOREIGN[0]).status_code == 403
    assert await database.fetchval(state, collection["id"]) == before

    await database.execute("UPDATE account SET is_active = false WHERE email = $1", owner.email)
    for place in places:
        assert client.post(place, data=fields, headers=BROWSER).headers["location"] == "/sign-in?next=/collections"
    assert opened(client, "/collections").status_code == 303
    assert await database.fetchval(state, collection["id"]) == before


def test_opening_the_address_of_a_form_leads_back(client: httpx.Client) -> None:
    collection_id = uuid4()

    for form in FORMS:
        answer = opened(client, f"/collections/{collection_id}/{form}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/collections/{collection_id}")
    assert opened(client, "/collections/add").headers["location"] == "/collections"
    assert opened(client, "/collections/no-id/name").status_code == 404


def test_word_that_is_no_id_is_a_page_that_says_there_is_nothing(client: httpx.Client) -> None:
    signed_in(client)

    for word in ("no-id", "%00", "x" * 300):
        assert opened(client, f"/collections/{word}").status_code == 404
    assert send_urlencoded_form(client, "/collections", "/collections/no-id/delete", confirm="yes").status_code == 404
