"""ShareX: its configurations lead to calls that work. The program itself runs on Windows alone."""

import json
import re

import httpx
import pytest

FIELDS = {
    *("Version", "Name", "DestinationType", "RequestMethod", "RequestURL", "Parameters", "Headers", "Body"),
    *("Arguments", "FileFormName", "Data", "URL", "ThumbnailURL", "DeletionURL", "ErrorMessage"),
}
"""What ShareX reads, and DESTINATIONS what it knows."""
DESTINATIONS = {"ImageUploader", "TextUploader", "FileUploader", "URLShortener", "URLSharingService"}
SYNTAX_SIGNS = re.compile(r"[|\\]|\{(?!json:\w+\})")
"""Signs that would end a value, or call one of its functions that is none of ours."""


@pytest.mark.parametrize(
    ("name", "typed"),
    [("text", 'a "quoted"\nline \\ {input}'), ("url", "https://example.org/?a=1&b=ü")],
)
def test_configuration_creates_and_leads_to_the_manage_page(doors_client: httpx.Client, name: str, typed: str) -> None:
    answer = doors_client.get(f"/clients/sharex-{name}.sxcu")
    uploader = answer.json()
    site = str(doors_client.base_url).rstrip("/")

    # As ShareX fills it in: what is put into JSON is escaped for it.
    data = uploader["Data"].replace("{filename}", "Screenshot").replace("{input}", json.dumps(typed)[1:-1])
    headers = {"Content-Type": "application/json"}
    made = doors_client.request(uploader["RequestMethod"], uploader["RequestURL"], content=data, headers=headers).json()
    link = uploader["URL"].replace("{json:url}", made["url"])
    deletion = uploader["DeletionURL"]
    for field in ("key", "manage_token"):
        deletion = deletion.replace(f"{{json:{field}}}", made[field])

    assert answer.headers["content-disposition"] == f'attachment; filename="sharex-{name}.sxcu"'
    assert uploader["Name"] == f"{site.partition('://')[2]} ({'pastes' if name == 'text' else 'links'})"
    assert uploader.keys() <= FIELDS
    assert uploader["DestinationType"] in DESTINATIONS
    assert not SYNTAX_SIGNS.search(uploader["URL"] + uploader["DeletionURL"] + uploader["RequestURL"])
    assert link == f"{site}/{made['key']}"
    assert deletion == f"{site}/{made['key']}/manage#{made['manage_token']}"
    found = doors_client.get(f"/api/v1/entries/{made['key']}").json()
    assert (found.get("original_url") or doors_client.get(f"{link}/raw").text) == typed
