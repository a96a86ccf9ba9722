"""Answers as YOURLS sends them: links and times, as JSON, XML or one line."""

import re
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from fastapi import Response
from fastapi.responses import JSONResponse, PlainTextResponse

from main_service.entries.entry import LiveEntry
from main_service.entries.serializers import short_url
from main_service.my_entries.numbered_links import OwnedLink

Answer = dict[str, Any]

_NO_XML = re.compile("[\ufffe\uffff]")
"""Characters that a title may contain and XML may not."""


def link_out(link: OwnedLink, public_url: str) -> Answer:
    return {
        "shorturl": short_url(public_url, link.entry.key),
        "url": link.target,
        "title": link.entry.title or link.target,
        "timestamp": time_out(link.entry.created_at),
        "ip": "",
        "clicks": str(link.entry.visit_count),
    }


def existing_out(link: OwnedLink, public_url: str) -> Answer:
    shown = link_out(link, public_url)
    return {
        "status": "fail",
        "code": "error:url",
        "url": {"keyword": link.entry.key, **shown, "date": shown["timestamp"]},
        "message": f"{link.target} already exists in database",
        "title": shown["title"],
        "shorturl": shown["shorturl"],
        "statusCode": 200,
    }


def title_of(entry: LiveEntry) -> str | None:
    """The title; where there is none, the target, as in YOURLS, whose clients know no link without a title."""
    return entry.title or entry.original_url


def time_out(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def rendered(form: str | None, answer: Answer, *, status: int = 200) -> Response:
    """The answer in the format that was asked for: `json`, `simple`, or by default `xml`."""
    match form:
        case "json":
            return JSONResponse(answer, status)
        case "simple":
            names = ("longurl", "shorturl", "message", "version")
            return PlainTextResponse(next((str(answer[name]) for name in names if name in answer), ""), status)
        case _:
            head = '<?xml version="1.0" encoding="UTF-8"?>\n'
            return Response(f"{head}<result>{_xml(answer)}</result>\n", status, media_type="application/xml")


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{name}>{_xml(it)}</{name}>" for name, it in value.items())
    return "" if value is None else _NO_XML.sub("\N{REPLACEMENT CHARACTER}", escape(str(value)))
