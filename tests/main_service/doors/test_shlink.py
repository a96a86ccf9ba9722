"""Shlink: its SDK from npm, unmodified, and what web clients of it send."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import httpx
import pytest
from sqlalchemy import and_

from main_service.my_entries.numbered_links import LinkFilters, _conditions
from tests.support.accounts import User, create_api_token, new_user
from tests.support.engines import START_SECONDS
from tests.support.entries import create_link, list_entries, new_alias, owned_link, owned_paste
from tests.support.node_clients import node_client
from tests.support.visits import FIREFOX

BASE = "/rest/v3"
ERRORS = "https://shlink.io/api/error/"
TARGET = "https://example.org/?q=a%20b&c=ü+d;e#f"


@pytest.fixture
def user(client: httpx.Client) -> User:
    return new_user(client)


@pytest.fixture
def token(client: httpx.Client, user: User) -> str:
    return create_api_token(client, user)


@pytest.fixture
def key_header(token: str) -> dict[str, str]:
    return {"X-Api-Key": token}


def run_sdk(client: httpx.Client, token: str, script: str) -> list[object]:
    """What the script passes to `show`. It has the SDK's `client`, and `problem`, which gives why a call is refused."""
    node, folder = node_client("@shlinkio/shlink-js-sdk")
    start = f"""
        import {{ ShlinkApiClient }} from '@shlinkio/shlink-js-sdk';
        import {{ NodeHttpClient }} from '@shlinkio/shlink-js-sdk/node';
        const server = {{ baseUrl: {json.dumps(str(client.base_url).rstrip("/"))}, apiKey: {json.dumps(token)} }};
        const client = new ShlinkApiClient(new NodeHttpClient(), server);
        const show = (it) => console.log(JSON.stringify(it ?? null));
        const problem = (call) => call.then(() => 'no problem', (error) => error);
    """
    done = subprocess.run(
        [node, "--input-type=module", "-e", start + script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_sdk_creates_gets_changes_and_deletes(client: httpx.Client, user: User, token: str) -> None:
    alias, until = new_alias(), (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)

    made, got, changed, untagged, gone = run_sdk(
        client,
        token,
        f"""
        const shortCode = {json.dumps(alias)};
        show(await client.createShortUrl({{
            longUrl: {json.dumps(TARGET)}, customSlug: shortCode, title: 'A title', tags: ['News', 'two words'],
            validUntil: {json.dumps(until.isoformat())}, crawlable: true, forwardQuery: true,
        }}));
        show(await client.getShortUrl({{ shortCode }}));
        show(await client.updateShortUrl({{ shortCode }}, {{
            longUrl: 'https://example.net/', title: null, tags: ['news'], validSince: null, validUntil: null,
            maxVisits: null, crawlable: false, forwardQuery: false,
        }}));
        show(await client.updateShortUrl({{ shortCode }}, {{ tags: [] }}));
        await client.deleteShortUrl({{ shortCode }});
        show(await problem(client.getShortUrl({{ shortCode }})));
        """,
    )

    assert isinstance(made, dict)
    assert (made["shortCode"], made["longUrl"], made["title"]) == (alias, TARGET, "A title")
    assert made["tags"] == ["News", "two words"]
    assert made["shortUrl"].endswith(f"/{alias}")
    assert datetime.fromisoformat(made["meta"]["validUntil"]) == until
    assert (made["crawlable"], made["forwardQuery"]) == (True, True)
    assert made["visitsSummary"] == {"total": 0, "nonBots": 0, "bots": 0}
    assert got == made
    assert isinstance(changed, dict)
    assert (changed["longUrl"], changed["title"], changed["tags"]) == ("https://example.net/", None, ["News"])
    assert changed["meta"] == {"validSince": None, "validUntil": None, "maxVisits": None}
    assert (changed["crawlable"], changed["forwardQuery"]) == (False, False)
    assert isinstance(untagged, dict)
    assert (untagged["longUrl"], untagged["tags"]) == ("https://example.net/", [])
    assert isinstance(gone, dict)
    assert (gone["status"], gone["type"]) == (404, ERRORS + "short-url-not-found")
    assert client.get(f"/{alias}", follow_redirects=False).status_code == 410
    assert [item["state"] for item in list_entries(client, user)["items"]] == ["ended"]


async def test_sdk_lists_by_page_order_text_and_tag(
    client: httpx.Client, user: User, token: str, database: asyncpg.Connection
) -> None:
    keys = [owned_link(client, user, original_url=f"https://example.org/100%_{n}", title=f"t{n}") for n in range(5)]
    owned_paste(client, user)
    owned_link(client, new_user(client))
    await database.execute("UPDATE entry SET visit_count = 7, bot_count = 2 WHERE key = $1", keys[1])
    await database.execute("UPDATE entry SET bot_count = 20 WHERE key = $1", keys[2])

    first, last, visited, with_bots, found, tagged, both, without, day = run_sdk(
        client,
        token,
        f"""
        const keys = {json.dumps(keys)};
        await client.updateShortUrl({{ shortCode: keys[0] }}, {{ tags: ['a', 'b'] }});
        await client.updateShortUrl({{ shortCode: keys[3] }}, {{ tags: ['b'] }});
        const codes = async (query) => (await client.listShortUrls(query)).data.map((it) => it.shortCode);
        show(await client.listShortUrls({{ itemsPerPage: 2 }}));
        show(await client.listShortUrls({{ itemsPerPage: 2, page: '3' }}));
        show(await codes({{ orderBy: {{ field: 'nonBotVisits', dir: 'DESC' }}, itemsPerPage: 1 }}));
        show(await codes({{ orderBy: {{ field: 'visits', dir: 'DESC' }}, itemsPerPage: 2 }}));
        show(await codes({{ searchTerm: '100%_4' }}));
        show(await codes({{ tags: ['A', 'B'] }}));
        show(await codes({{ tags: ['a', 'b'], tagsMode: 'all' }}));
        show(await codes({{ excludeTags: ['b'], itemsPerPage: -1 }}));
        show(await codes({{ startDate: new Date(Date.now() + 60000).toISOString() }}));
        """,
    )

    assert isinstance(first, dict)
    assert isinstance(last, dict)
    assert [it["shortCode"] for it in first["data"]] == [keys[4], keys[3]]
    assert first["pagination"] == {
        "currentPage": 1, "pagesCount": 3, "itemsPerPage": 2, "itemsInCurrentPage": 2, "totalItems": 5,
    }  # fmt: skip
    assert [it["shortCode"] for it in last["data"]] == [keys[0]]
    assert (last["pagination"]["currentPage"], last["pagination"]["itemsInCurrentPage"]) == (3, 1)
    assert visited == [keys[1]]
    assert with_bots == [keys[2], keys[1]]
    assert found == [keys[4]]
    assert tagged == [keys[3], keys[0]]
    assert both == [keys[0]]
    assert without == [keys[4], keys[2], keys[1]]
    assert day == []


async def test_sdk_reads_visits_and_tags(
    client: httpx.Client, user: User, token: str, database: asyncpg.Connection
) -> None:
    key, other = owned_link(client, user), owned_link(client, new_user(client))
    insert = "INSERT INTO visit (visited_at, key, country, browser, os, referrer, is_bot) VALUES ($1,$2,$3,$4,$5,$6,$7)"
    now = datetime.now(UTC).replace(microsecond=0)
    await database.execute(insert, now, key, "DE", "Firefox", "Linux", "https://forum.example/", False)
    await database.execute(insert, now - timedelta(minutes=1), key, None, None, None, None, True)
    await database.execute(insert, now, other, "FR", None, None, None, False)
    await database.execute("UPDATE entry SET visit_count = 1, bot_count = 1 WHERE key = $1", key)

    all_, people, overview, stats, of_tag, tags, after, problems = run_sdk(
        client,
        token,
        f"""
        const shortCode = {json.dumps(key)};
        await client.updateShortUrl({{ shortCode }}, {{ tags: ['mine'] }});
        show(await client.getShortUrlVisits({{ shortCode }}));
        show(await client.getShortUrlVisits({{ shortCode }}, {{ excludeBots: true, itemsPerPage: 1 }}));
        show(await client.getVisitsOverview());
        show(await client.tagsStats());
        show(await client.getTagVisits('mine', {{ itemsPerPage: 1, page: 2 }}));
        await client.editTag({{ oldName: 'mine', newName: 'ours' }});
        show(await client.listTags());
        await client.deleteTags(['ours', 'no such']);
        show(await client.listTags());
        show([
            await problem(client.editTag({{ oldName: 'mine', newName: 'a' }})),
            await problem(client.getTagVisits('mine')),
            await problem(client.getShortUrlVisits({{ shortCode: {json.dumps(other)} }})),
        ].map((it) => [it.status, it.type]));
        """,
    )

    assert isinstance(all_, dict)
    assert isinstance(people, dict)
    assert [visit["potentialBot"] for visit in all_["data"]] == [False, True]
    [visit] = people["data"]
    assert datetime.fromisoformat(visit["date"]) == now
    assert (visit["referer"], visit["userAgent"]) == ("https://forum.example/", "Firefox on Linux")
    assert (visit["visitLocation"]["countryCode"], visit["visitLocation"]["countryName"]) == ("DE", "Germany")
    assert people["pagination"]["totalItems"] == 1
    summary = {"total": 2, "nonBots": 1, "bots": 1}
    assert isinstance(overview, dict)
    assert overview["nonOrphanVisits"] == summary
    assert stats == {"data": [{"tag": "mine", "shortUrlsCount": 1, "visitsCount": 2, "visitsSummary": summary}]}
    assert isinstance(of_tag, dict)
    assert [it["potentialBot"] for it in of_tag["data"]] == [True]
    assert of_tag["pagination"]["pagesCount"] == 2
    assert (tags, after) == ({"data": ["ours"]}, {"data": []})
    assert problems == [
        [404, ERRORS + "tag-not-found"],
        [404, ERRORS + "tag-not-found"],
        [404, ERRORS + "short-url-not-found"],
    ]


def test_sdk_is_told_what_there_is_none_of(client: httpx.Client, user: User, token: str) -> None:
    key = owned_link(client, user)

    found, problems = run_sdk(
        client,
        token,
        f"""
        const shortCode = {json.dumps(key)};
        const rules = [{{ longUrl: 'https://example.net/', conditions: [] }}];
        show({{
            health: await client.health(),
            rules: await client.getShortUrlRedirectRules({{ shortCode }}),
            noRules: await client.setShortUrlRedirectRules({{ shortCode }}, {{ redirectRules: [] }}),
            domains: await client.listDomains(),
            redirects: await client.editDomainRedirects({{ domain: 'DEFAULT', baseUrlRedirect: null }}),
            ofDomain: await client.getDomainVisits('DEFAULT'),
            orphan: await client.getOrphanVisits(),
            deleted: await client.deleteOrphanVisits(),
        }});
        show((await Promise.all([
            client.mercureInfo(),
            client.deleteShortUrlVisits({{ shortCode }}),
            client.setShortUrlRedirectRules({{ shortCode }}, {{ redirectRules: rules }}),
            client.getShortUrlRedirectRules({{ shortCode: 'unknown' }}),
            client.editDomainRedirects({{ domain: 'DEFAULT', regular404Redirect: 'https://example.net/' }}),
            client.editDomainRedirects({{ domain: 'other.example', baseUrlRedirect: null }}),
            client.getDomainVisits('other.example'),
        ].map(problem))).map((it) => [it.status, it.type, it.invalidElements ?? null, it.detail.length > 20]));
        """,
    )

    assert isinstance(found, dict)
    rules = {"defaultLongUrl": "https://example.org/target", "redirectRules": []}
    nowhere = {"baseUrlRedirect": None, "regular404Redirect": None, "invalidShortUrlRedirect": None}
    assert found["health"] == client.get("/rest/health").json()
    assert found["rules"] == found["noRules"] == rules
    assert found["redirects"] == found["domains"]["defaultRedirects"] == nowhere
    assert found["domains"]["data"] == [{"domain": "slipbin.test", "isDefault": True, "redirects": nowhere}]
    assert found["ofDomain"]["data"] == found["orphan"]["data"] == []
    assert found["deleted"] == {"deletedVisits": 0}
    assert problems == [
        [501, ERRORS + "mercure-not-configured", None, True],
        [405, "about:blank", None, True],
        [400, ERRORS + "invalid-data", ["redirectRules"], True],
        [404, ERRORS + "short-url-not-found", None, True],
        [400, ERRORS + "invalid-data", ["regular404Redirect"], True],
        [404, ERRORS + "domain-not-found", None, True],
        [404, ERRORS + "domain-not-found", None, True],
    ]


def test_problems_have_the_types_of_shlink(client: httpx.Client, user: User, key_header: dict[str, str]) -> None:
    taken = str(create_link(client, alias=new_alias())["key"])
    read_only = {"X-Api-Key": create_api_token(client, user, "read")}
    good = {"longUrl": "https://example.org/"}

    for sent, headers, status, kind in (
        (good, {}, 401, "missing-authentication"),
        (good, {"X-Api-Key": "slp_" + "a" * 43}, 401, "invalid-api-key"),
        (good | {"customSlug": taken}, key_header, 400, "non-unique-slug"),
        (good | {"customSlug": "api"}, key_header, 400, "non-unique-slug"),
        ({}, key_header, 400, "invalid-data"),
        ({"longUrl": "javascript:alert(1)"}, key_header, 400, "invalid-data"),
        (good | {"validSince": "2030-01-01T00:00:00Z"}, key_header, 400, "invalid-data"),
        (good | {"deviceLongUrls": {"ios": "https://example.org/"}}, key_header, 400, "invalid-data"),
        (good | {"domain": "other.example"}, key_header, 400, "invalid-data"),
        (good | {"tags": [" "]}, key_header, 400, "invalid-data"),
    ):
        answer = client.post(f"{BASE}/short-urls", json=sent, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (status, ERRORS + kind), sent
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    assert client.post(f"{BASE}/short-urls", json=good, headers=read_only).status_code == 403
    broken = client.post(f"{BASE}/short-urls", content=b"{", headers=key_header | {"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["type"]) == (400, ERRORS + "invalid-data")
    assert list_entries(client, user)["items"] == []
    wrong = client.get(f"{BASE}/short-urls", params={"orderBy": "no-ASC", "page": "0"}, headers=key_header).json()
    assert sorted(wrong["invalidElements"]) == ["orderBy", "page"]
    missing = client.post(f"{BASE}/short-urls", json={}, headers=key_header).json()
    assert missing["invalidElements"] == ["longUrl"]


def test_links_of_others_are_not_found(client: httpx.Client, key_header: dict[str, str]) -> None:
    key = owned_link(client, new_user(client))

    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/visits")):
        body = {"json": {"title": "theirs"}} if method == "PATCH" else {}
        answer = client.request(method, f"{BASE}/short-urls/{key}{path}", headers=key_header, **body)
        assert (answer.status_code, answer.json()["type"]) == (404, ERRORS + "short-url-not-found")


def test_find_if_exists_gives_only_what_is_the_same(client: httpx.Client, key_header: dict[str, str]) -> None:
    def create(**fields: object) -> str:
        sent = {"longUrl": "https://example.org/same", "findIfExists": True, **fields}
        code = client.post(f"{BASE}/short-urls", json=sent, headers=key_header).raise_for_status().json()["shortCode"]
        return str(code)

    first = create()
    assert create() == first
    assert create(findIfExists=False) != first
    assert create(tags=["a"]) != create()
    assert create(maxVisits=1) != create(maxVisits=1)


def test_change_that_fails_changes_nothing(client: httpx.Client, user: User, key_header: dict[str, str]) -> None:
    key = owned_link(client, user, title="before")
    path = f"{BASE}/short-urls/{key}"

    for wrong in ({"longUrl": "no url"}, {"maxVisits": 5}, {"tags": ["x" * 101]}, {"validUntil": "2001-01-01"}):
        assert client.patch(path, json={"title": "after", **wrong}, headers=key_header).status_code == 400, wrong
        assert client.get(path, headers=key_header).json()["title"] == "before"


def test_limited_views_are_told(client: httpx.Client, key_header: dict[str, str]) -> None:
    sent = {"longUrl": "https://example.org/", "maxVisits": 2}
    made = client.post(f"{BASE}/short-urls", json=sent, headers=key_header).json()

    client.get(f"/{made['shortCode']}", headers={"User-Agent": FIREFOX})

    assert made["meta"]["maxVisits"] == 2
    same = {"maxVisits": 2, "title": "t"}
    path = f"{BASE}/short-urls/{made['shortCode']}"
    assert client.patch(path, json=same, headers=key_header).status_code == 200
    assert client.get("/rest/v3/health").json() == {"status": "pass", "version": "3.7.4", "links": {}}


def test_tags_are_told_apart_ignoring_case_and_each_counts_once(
    client: httpx.Client, key_header: dict[str, str]
) -> None:
    both, one, none = (
        client.post(f"{BASE}/short-urls", json={"longUrl": TARGET, "tags": tags}, headers=key_header).json()
        for tags in (["a", "Ü"], ["a"], [])
    )

    def found(**query: object) -> set[str]:
        listed = client.get(f"{BASE}/short-urls", params=query, headers=key_header).json()  # type: ignore[arg-type]
        return {each["shortCode"] for each in listed["shortUrls"]["data"]}

    keys = [each["shortCode"] for each in (both, one, none)]
    assert found(**{"tags[]": ["A", "a", "unknown"]}) == {keys[0], keys[1]}
    assert found(**{"tags[]": ["A", "a", "ü", "Ü"], "tagsMode": "all"}) == {keys[0]}
    assert found(**{"tags[]": ["a", "unknown"], "tagsMode": "all"}) == set()
    assert found(**{"excludeTags[]": ["ü", "Ü", "unknown"]}) == {keys[1], keys[2]}
    assert found(**{"tags[]": ["a"], "excludeTags[]": ["Ü"]}) == {keys[1]}


def test_many_tags_are_looked_for_at_once() -> None:
    """An account with 100,000 links and 50 tags would else occupy the database for seconds."""

    def written(count: int) -> str:
        names = [f"t{number}" for number in range(count)]
        return str(and_(*_conditions(uuid4(), LinkFilters(collections=names, is_in_all=True, not_in=names))))

    assert written(50) == written(1)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/short-urls", rb'{"longUrl": "\ud800", "findIfExists": true}'),
        ("GET", "/short-urls?tags[]=%00", b""),
        ("GET", "/short-urls?excludeTags[]=%00", b""),
        ("DELETE", "/tags?tags[]=%00", b""),
    ],
)
def test_what_no_column_can_hold_is_invalid(
    client: httpx.Client, key_header: dict[str, str], method: str, path: str, body: bytes
) -> None:
    headers = key_header | {"Content-Type": "application/json"}

    answer = client.request(method, BASE + path, content=body, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (400, f"{ERRORS}invalid-data")
