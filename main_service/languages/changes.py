"""What is known about a paste's language when it is created or changed, before detection."""

from collections.abc import Mapping
from typing import Any

from main_service.rendering.detection import declared, sample
from main_service.rendering.file_names import language_of_file_name


def declared_by(text: bytes, *, title: str | None, syntax: str | None) -> str | None:
    """The language that a text or its name declares; None: none, or its author has named one."""
    return None if syntax is not None else declared(title, sample(text))


def after_change(
    values: Mapping[str, Any], *, title: str | None, syntax: str | None, new_text: bytes | None
) -> dict[str, str | None]:
    """The new value of `detected_syntax`, by its name, when columns get new `values`; empty: it stays.

    `title`, `syntax`: before the change. `new_text`: None if the text stays. What was detected is dropped where it may
    no longer be right, and detected again.
    """
    new_title, new_syntax = values.get("title", title), values.get("syntax", syntax)
    if new_text is not None:
        return {"detected_syntax": declared_by(new_text, title=new_title, syntax=new_syntax)}
    if new_syntax != syntax:
        return {"detected_syntax": None if new_syntax is not None else language_of_file_name(new_title or "")}
    if syntax is not None or new_title == title:
        return {}
    before, after = (language_of_file_name(each or "") for each in (title, new_title))
    return {} if before == after else {"detected_syntax": after}
