"""The door for clients of pinnwand: version 1 of its API, in which a paste is JSON with one or more files."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from main_service.doors.creating import create_paste
from main_service.doors.credentials import ReaderDep, WriterDep
from main_service.doors.curl import title_of_file
from main_service.doors.foreign_values import known_syntax, lifetime_in_words
from main_service.doors.options import Values
from main_service.doors.texts_in_json import TEXT, answer_with_text, without_extension
from main_service.entries.dependencies import EntryFactoryDep
from main_service.entries.entry import LiveEntry
from main_service.entries.field_types import Text
from main_service.entries.serializers import manage_url
from main_service.entries.syntaxes import all_syntaxes
from main_service.entries.visit_recorder import VisitRecorderDep
from main_service.errors import InvalidInputError
from main_service.web.bodies.json import JsonRequest
from main_service.web.downloads.file_names import safe_file_name
from main_service.web.forms import parse

router = APIRouter(include_in_schema=False)

_MAX_FILES = 100
_UNNAMED_LEXER = "autodetect"
_EXPIRIES = {
    "1hour": timedelta(hours=1),
    "1day": timedelta(days=1),
    "1week": timedelta(days=7),
    "1month": timedelta(days=30),
    "1year": timedelta(days=365),
}
"""Those that clients are told, in words that `lifetime_in_words` reads."""


class FileIn(BaseModel):
    name: str | None = None
    lexer: str = ""
    content: Text


class FilesIn(BaseModel):
    expiry: str | int = "1day"
    files: list[FileIn] = Field(min_length=1, max_length=_MAX_FILES)


@router.post("/api/v1/paste")
async def create_from_files(request: Request, account: WriterDep) -> Response:
    """Create one paste. The JSON of its answer is as Python writes it, with spaces: scripts look for `"link": "`."""
    asked = parse(FilesIn, await _json(request))
    lifetime = lifetime_in_words(str(asked.expiry), field="expiry")
    text = _text_of(asked.files).encode()
    created = await create_paste(request, _values(asked.files), text, account=account, lifetime=lifetime)
    removal = f"{created.url}/manage"
    if created.manage_token is not None:
        removal = manage_url(created.public_url, created.entry.key, created.manage_token)
    answer = json.dumps({"link": created.url, "removal": removal})
    return Response(answer, media_type="application/json", headers=dict(created.headers))


@router.get("/api/v1/paste/{key}")
async def get_files(
    key: str, request: Request, actor: ReaderDep, entries: EntryFactoryDep, visits: VisitRecorderDep
) -> Response:
    """A paste, which is one file here."""
    return await answer_with_text(without_extension(key), request, actor, entries, visits, _files_of)


def _files_of(entry: LiveEntry) -> dict[str, Any]:
    return {"files": [{"name": entry.title, "lexer": entry.shown_syntax or "text", "content": TEXT}]}


@router.get("/api/v1/lexer")
async def list_lexers() -> dict[str, str]:
    """The languages by their aliases, and the one that stands for looking for it."""
    return {_UNNAMED_LEXER: "Autodetect", **dict(all_syntaxes())}


@router.get("/api/v1/expiry")
async def list_expiries(actor: ReaderDep, entries: EntryFactoryDep) -> dict[str, str]:
    """What an expiry may be, each with its length. The shortest one is always there: what is too long is cut."""
    longest = entries.lifetimes.of(actor.account_id).longest
    offered = {name: length for name, length in _EXPIRIES.items() if length <= longest} or {"1hour": longest}
    return {name: str(length) for name, length in offered.items()}


async def _json(request: Request) -> dict[str, Any]:
    """The JSON object of the body, whatever its type says."""
    try:
        values = await JsonRequest(request.scope, request.receive).json()
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"{error.msg}.") from None
    if not isinstance(values, dict):
        raise InvalidInputError("The body must be one JSON object.")
    return values


def _values(files: Sequence[FileIn]) -> Values:
    """The title, which is the name of a file, and the language, where all files have the same."""
    if len(files) > 1:
        syntaxes = {file.lexer.strip().lower() for file in files}
        return known_syntax(syntaxes.pop()) if len(syntaxes) == 1 else {}
    return title_of_file(files[0].name) | known_syntax(files[0].lexer)


def _text_of(files: Sequence[FileIn]) -> str:
    """One file as it is; of several, each below a line with its name, as `head` prints them."""
    if len(files) == 1:
        return files[0].content
    names = [safe_file_name(file.name or "") or str(number) for number, file in enumerate(files, 1)]
    texts = [file.content if file.content.endswith("\n") else f"{file.content}\n" for file in files]
    return "\n".join(f"==> {name} <==\n{text}" for name, text in zip(names, texts, strict=True))
