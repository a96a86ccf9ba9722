"""QR codes of entries' URLs, for those who may see the entry. They show nothing else of it and spend no view."""

import asyncio
from hashlib import sha256
from typing import Annotated

from fastapi import Query, Request, Response

from main_service.accounts.bearer_auth import TOKEN_OR_NONE
from main_service.accounts.errors import TokenInvalidError
from main_service.entries.dependencies import EntryFactoryDep, ReadingActorDep
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Visibility
from main_service.entries.serializers import short_url
from main_service.entry_pages.qr import DEFAULT_SIZE, MAX_SIZE, MIN_SIZE, SIZES, draw_png, draw_svg
from main_service.errors import DatabaseUnavailableError, EntryEndedError, NotFoundError, TooManyUnknownKeysError
from main_service.web.headers import FOR_OTHER_SITES
from main_service.web.json_api import DocumentedRouter
from main_service.web.problems import InternalError

router = DocumentedRouter(
    tags=["reading"],
    errors=[
        NotFoundError,
        TooManyUnknownKeysError,
        EntryEndedError,
        TokenInvalidError,
        DatabaseUnavailableError,
        InternalError,
    ],
)

# The picture never changes, but that of a private entry must not stay in a browser that others use.
_KEPT = "private, max-age=86400"
_ASKED_FOR_EACH_TIME = "private, no-cache"


@router.get(
    "/{key}/qr.svg",
    summary="The QR code of an entry's link, as SVG",
    response_class=Response,
    openapi_extra=TOKEN_OR_NONE,
    responses={
        200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}, "description": "The image."},
        304: {"description": "Unchanged: the version in `If-None-Match`."},
    },
)
async def get_qr_svg(key: str, request: Request, actor: ReadingActorDep, entries: EntryFactoryDep) -> Response:
    entry = await entries.reader.get(key, actor)
    picture = await asyncio.to_thread(draw_svg, short_url(entries.public_url, entry.key))
    return _picture(request, entry, picture, "image/svg+xml")


@router.get(
    "/{key}/qr.png",
    summary="The QR code of an entry's link, as PNG",
    response_class=Response,
    openapi_extra=TOKEN_OR_NONE,
    responses={
        200: {
            "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
            "description": "The image.",
        },
        304: {"description": "Unchanged: the version in `If-None-Match`."},
    },
)
async def get_qr_png(
    key: str,
    request: Request,
    actor: ReadingActorDep,
    entries: EntryFactoryDep,
    size: Annotated[
        int,
        Query(
            ge=MIN_SIZE,
            le=MAX_SIZE,
            description=f"Width and height in pixels, at most: one of {', '.join(map(str, SIZES))} is taken, and less "
            "if its modules, which are whole px, don't fill it.",
        ),
    ] = DEFAULT_SIZE,
) -> Response:
    entry = await entries.reader.get(key, actor)
    picture = await asyncio.to_thread(draw_png, short_url(entries.public_url, entry.key), size)
    return _picture(request, entry, picture, "image/png")


def _picture(request: Request, entry: LiveEntry, picture: bytes, media_type: str) -> Response:
    etag = f'"{sha256(picture).hexdigest()[:32]}"'
    is_private = entry.visibility is Visibility.PRIVATE
    headers = {"ETag": etag, "Cache-Control": _ASKED_FOR_EACH_TIME if is_private else _KEPT, **FOR_OTHER_SITES}
    named = (tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(","))
    if etag in named:
        return Response(status_code=304, headers=headers)
    return Response(picture, media_type=media_type, headers=headers)
