"""The preview of a paste, once the renderer has made it."""

from collections.abc import Mapping

import httpx

from tests.support.pages import BROWSER
from tests.support.waiting import eventually


def page_with_preview(
    client: httpx.Client, key: object, query: str = "?view=preview", *, headers: Mapping[str, str] = BROWSER
) -> str:
    """The page, not as the first readers get it on a machine that has too much to do: then its code is shown."""

    def find() -> str | None:
        answer = client.get(f"/{key}{query}", headers=dict(headers))
        assert answer.status_code == 200, answer.text
        return None if "at the moment" in answer.text else answer.text

    return eventually(find, f"a preview of {key}")
