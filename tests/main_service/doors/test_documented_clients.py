"""docs/clients.md: each block, typed into a shell in an empty home folder, prints what stands below it."""

import httpx
import pytest

from tests.support.accounts import create_api_token, new_user
from tests.support.foreign_clients import Home, documented, foreign_client
from tests.support.node_clients import node_client
from tests.support.tools import find_curl, needs


@pytest.mark.parametrize("heading", ["curl", "haste-client", "pastebinit", "0x0", "steck"])
def test_everything_can_be_typed_as_it_is_printed(home: Home, heading: str) -> None:
    home.has("curl", str(find_curl()))
    home.has("haste", foreign_client("haste", "haste-client"))
    home.has("pastebinit", needs("pastebinit", "pastebinit"))
    home.has("python3", foreign_client("python", "pyshorteners"))
    home.has("steck", foreign_client("steck", "steck"))

    assert_all_can_be_typed(home, heading)


@pytest.mark.parametrize("heading", ["yourls", "Shlink", "Bitly"])
def test_what_needs_a_token_can_be_typed_with_one(home: Home, doors_client: httpx.Client, heading: str) -> None:
    home.token = create_api_token(doors_client, new_user(doors_client))
    if heading == "Shlink":
        node, folder = node_client("@shlinkio/shlink-js-sdk")
        home.has("node", node)
        (home.folder / "node_modules").symlink_to(folder / "node_modules")
    else:
        home.has("python3", foreign_client("python", "pyshorteners"))
        home.has("yourls", foreign_client("yourls", "yourls"))

    assert_all_can_be_typed(home, heading)


def assert_all_can_be_typed(home: Home, heading: str) -> None:
    typed = documented(heading)

    assert typed
    for script, printed in typed:
        assert home.type(script) == printed
