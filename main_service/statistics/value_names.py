"""Names of what visits are broken down by, in words: of countries and languages as Unicode's CLDR has them."""

from collections.abc import Mapping
from functools import cache

from main_service.visits.models import OTHER, UNKNOWN, Dimension

_WORDS = {OTHER: "Other", UNKNOWN: "Unknown"}
_NO_REFERRER = "Direct or unknown"
_DEVICES = {"desktop": "Computer", "mobile": "Phone", "tablet": "Tablet", "terminal": "Terminal"}
_SYSTEMS = {"iOS": "iPhone or iPad (iOS)", "Mac OS X": "macOS", "Chrome OS": "ChromeOS"}
_BROWSERS = {
    "Mobile Safari": "Safari (iPhone, iPad)",
    "Mobile Safari UI/WKWebView": "App on an iPhone or iPad",
    "Chrome Mobile": "Chrome (phone)",
    "Chrome Mobile iOS": "Chrome (iPhone, iPad)",
    "Chrome Mobile WebView": "App on Android",
    "Firefox Mobile": "Firefox (phone)",
    "Firefox iOS": "Firefox (iPhone, iPad)",
    "Edge Mobile": "Edge (phone)",
    "Opera Mobile": "Opera (phone)",
    "IE": "Internet Explorer",
}
_NAMELESS_PLACES = {"A1": "Anonymous proxy", "A2": "Satellite", "A3": "Anycast network"}
"""What databases of addresses say instead of a country."""


def name_of(dimension: Dimension, value: str) -> str:
    """The name of a value; the value itself, if it has none or is one: a domain, a browser."""
    if value == UNKNOWN and dimension is Dimension.REFERRER:
        return _NO_REFERRER
    return _WORDS.get(value) or _names()[dimension].get(value, value)


@cache
def _names() -> Mapping[Dimension, Mapping[str, str]]:
    # Read when first needed, because it takes 4 MB; only the English data, without the parts that all languages share.
    from babel import localedata

    english = localedata.load("en", merge_inherited=False)
    return {
        Dimension.COUNTRY: {**english["territories"], **_NAMELESS_PLACES},
        Dimension.LANGUAGE: dict(english["languages"]),
        Dimension.DEVICE: _DEVICES,
        Dimension.BROWSER: _BROWSERS,
        Dimension.OS: _SYSTEMS,
        Dimension.REFERRER: {},
    }
