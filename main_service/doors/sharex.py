"""Configurations of ShareX, a program that takes screenshots: files with the address of this service filled in."""

import json
from typing import Any

from fastapi import APIRouter, Response

from main_service.dependencies import SettingsDep

router = APIRouter(include_in_schema=False)

_VERSION = "14.0.0"
"""The first version of ShareX that reads this syntax. Files of older ones it rewrites."""


@router.get("/clients/sharex-text.sxcu")
async def get_text_uploader(settings: SettingsDep) -> Response:
    data = json.dumps({"text": "{input}", "title": "{filename}"})
    return _file("sharex-text.sxcu", settings.public_url, kind="TextUploader", path="pastes", data=data)


@router.get("/clients/sharex-url.sxcu")
async def get_url_shortener(settings: SettingsDep) -> Response:
    data = json.dumps({"url": "{input}"})
    return _file("sharex-url.sxcu", settings.public_url, kind="URLShortener", path="links", data=data)


def _file(name: str, public_url: str, *, kind: str, path: str, data: str) -> Response:
    configuration: dict[str, Any] = {
        "Version": _VERSION,
        # Of several on one host ShareX shows but the names.
        "Name": f"{public_url.partition('://')[2]} ({path})",
        "DestinationType": kind,
        "RequestMethod": "POST",
        "RequestURL": f"{public_url}/api/v1/{path}",
        "Body": "JSON",
        "Data": data,
        "URL": "{json:url}",
        # The page on which a guest changes and deletes the entry.
        "DeletionURL": f"{public_url}/{{json:key}}/manage#{{json:manage_token}}",
        "ErrorMessage": "{json:detail}",
    }
    return Response(
        json.dumps(configuration, indent=2) + "\n",
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
