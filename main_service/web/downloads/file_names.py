"""Names of files that users download: safe on every system, and written into `Content-Disposition` (RFC 6266)."""

import re
import unicodedata
from urllib.parse import quote

LONGEST_NAME_BYTES = 180
"""The longest name, in bytes of UTF-8. File systems take 255, and browsers add ` (1)` or `.crdownload`."""

_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Categories of characters that a name loses: control characters, marks that turn the direction of writing or can't be
seen, surrogates, what is not assigned, and line ends."""
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_RESERVED = re.compile(
    r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3])(?:[. ]|$)", re.IGNORECASE
)
"""What Windows takes for a device, whatever the extension."""
_QUOTED = re.compile(r"[^ !#$&+.^_`|~0-9A-Za-z()@\[\]{}-]")
"""What the fallback for old programs replaces: all but ASCII, and the signs that some of them
take for the end of a name or decode."""


def safe_file_name(name: str) -> str:
    """The last part of a path, without what no system takes or what deceives the eye; empty: nothing is left."""
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    name = "".join(character for character in name if unicodedata.category(character) not in _HIDDEN)
    name = _FORBIDDEN.sub("_", " ".join(name.split())).rstrip(". ")
    if _RESERVED.match(name):
        name = f"_{name}"
    return _shortened(name)


def _shortened(name: str) -> str:
    if len(name.encode()) <= LONGEST_NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    end = f"{dot}{extension}" if stem and len(extension) < 20 else ""
    return name.encode()[: LONGEST_NAME_BYTES - len(end.encode())].decode(errors="ignore").rstrip(". ") + end


def attachment(name: str) -> dict[str, str]:
    """The header that has a browser save a file under a safe name, which stands there in ASCII for old programs too."""
    fallback = _QUOTED.sub("_", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode())
    plain = f'attachment; filename="{fallback}"'
    return {"Content-Disposition": plain if fallback == name else f"{plain}; filename*=UTF-8''{quote(name, safe='')}"}
