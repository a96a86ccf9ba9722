"""The calls of the JSON API that the client makes, each a method. All raise what `Transport` raises."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from slipbin_client.errors import ExitCode, ServiceError
from slipbin_client.import_form import Form
from slipbin_client.transport import Answer, Content, Headers, Transport

API = "/api/v1"
PAGE_ENTRIES = 100

Json = dict[str, Any]


class Service:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, kind: str, fields: Mapping[str, Any], *, content: Content | None = None, size: int = 0) -> Json:
        """Create an entry, and only one however often the request has to be sent. `kind`: `paste` or `link`.

        `content`, of `size` bytes: what to send in place of `fields`, if it was put into JSON already.
        """
        body = json.dumps(fields).encode() if content is None else content
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
        if callable(body):
            headers["Content-Length"] = str(size)
        return self._json(self._transport.send("POST", f"{API}/{kind}s", headers=headers, content=body))

    def get_entry(self, key: str, headers: Headers) -> tuple[Json, str]:
        """An entry, and the ETag of its version."""
        answer = self._transport.send("GET", f"{API}/entries/{key}", headers=headers)
        return self._json(answer), answer.response.headers.get("ETag", "")

    @contextmanager
    def open_text(self, key: str, headers: Headers, *, spends_view: bool) -> Iterator[Iterator[bytes]]:
        """The chunks of a paste's text. Where it spends a view, it is asked for once only."""
        path = f"{API}/entries/{key}/text"
        with self._transport.stream("GET", path, headers=headers, is_repeatable=not spends_view) as answer:
            yield self._transport.chunks(answer)

    def change(self, key: str, fields: Mapping[str, Any], headers: Headers, *, etag: str) -> Json:
        """Change the version of an entry that has this ETag."""
        sent = {**headers, "Content-Type": "application/json", "If-Match": etag}
        body = json.dumps(fields).encode()
        return self._json(self._transport.send("PATCH", f"{API}/entries/{key}", headers=sent, content=body))

    def claim(self, key: str, headers: Headers) -> Json:
        """Claim the entry that the manage token opens."""
        return self._json(self._transport.send("POST", f"{API}/entries/{key}/claim", headers=headers))

    def delete(self, key: str, headers: Headers) -> None:
        try:
            self._transport.send("DELETE", f"{API}/entries/{key}", headers=headers)
        except ServiceError as error:
            # Deleted by the try before, whose answer was lost.
            if not (error.was_repeated and error.exit_code == ExitCode.NOT_FOUND):
                raise

    def list_entries(self, filters: Mapping[str, str], *, count: int | None) -> Iterator[tuple[Json, bool]]:
        """My entries, at most `count` (None: all), each with whether there are more after it."""
        cursor = None
        while count is None or count > 0:
            limit = PAGE_ENTRIES if count is None else min(count, PAGE_ENTRIES)
            query: dict[str, str | int] = {**filters, "limit": limit}
            if cursor:
                query["cursor"] = cursor
            page = self._json(self._transport.send("GET", f"{API}/entries", query=query))
            items, cursor = page["items"], page["next_cursor"]
            for place, item in enumerate(items):
                yield item, cursor is not None or place + 1 < len(items)
            if cursor is None:
                return
            count = None if count is None else count - len(items)

    def statistics(self, key: str, headers: Headers, query: Mapping[str, str]) -> Json:
        return self._json(self._transport.send("GET", f"{API}/entries/{key}/stats", headers=headers, query=query))

    def history(self, key: str, headers: Headers, query: Mapping[str, str]) -> Json:
        return self._json(self._transport.send("GET", f"{API}/entries/{key}/history", headers=headers, query=query))

    def own_statistics(self) -> Json:
        return self._json(self._transport.send("GET", f"{API}/stats/me"))

    def who_am_i(self) -> Json:
        return self._json(self._transport.send("GET", f"{API}/auth/whoami"))

    def qr_code(self, key: str, *, size: int | None) -> bytes:
        """The QR code of an entry's link: a PNG of at most `size` px, or with None an SVG."""
        path, query = (f"/{key}/qr.svg", None) if size is None else (f"/{key}/qr.png", {"size": size})
        return self._transport.send("GET", path, query=query).response.content

    @contextmanager
    def open_export(self, file_format: str) -> Iterator[Iterator[bytes]]:
        """The chunks of all that is mine as one `zip`, or of a list of all my entries as `jsonl` or `csv`."""
        if file_format == "zip":
            path, query = f"{API}/me/export.zip", None
        else:
            path, query = f"{API}/entries/export", {"format": file_format}
        with self._transport.stream("GET", path, query=query) as answer:
            yield self._transport.chunks(answer)

    def order_import(self, form: Form, content: Content, *, size: int) -> Json:
        """Order an import of a file, and only one however often the request has to be sent; return the import.

        `content`: the body that `form` gave, of `size` bytes.
        """
        headers = {
            "Content-Type": form.content_type,
            "Content-Length": str(size),
            "Idempotency-Key": str(uuid4()),
        }
        return self._json(self._transport.send("POST", f"{API}/imports", headers=headers, content=content))

    def list_imports(self) -> list[Json]:
        """My imports, newest first."""
        found: list[Json] = self._json(self._transport.send("GET", f"{API}/imports"))["items"]
        return found

    def get_import(self, import_id: str) -> Json:
        return self._json(self._transport.send("GET", f"{API}/imports/{import_id}"))

    def stop_import(self, import_id: str) -> Json:
        """End an import; return what it is then, also if it was over already."""
        try:
            return self._json(self._transport.send("POST", f"{API}/imports/{import_id}/stop"))
        except ServiceError as error:
            if error.exit_code != ExitCode.CONFLICT:
                raise
            return self.get_import(import_id)

    def import_lines(self, import_id: str) -> Iterator[Json]:
        """What became of each item of an import, in the order of its file."""
        with self._transport.stream("GET", f"{API}/imports/{import_id}/lines") as answer:
            rest = b""
            for chunk in self._transport.chunks(answer):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from map(json.loads, lines)

    @staticmethod
    def _json(answer: Answer) -> Json:
        value: Json = answer.json()
        return value
