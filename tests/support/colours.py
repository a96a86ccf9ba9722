"""Colours of style sheets: which there are, light and dark, and their contrast (WCAG 2)."""

import re


def light_and_dark(style: str) -> dict[str, tuple[str, str]]:
    """Both colours of each property, and of each rule whose first line is a colour."""
    pair = r"light-dark\((#\w{6}), (#\w{6})\)"
    found = re.findall(rf"(?:(--[\w-]+)|([^{{}};]+)\{{\s*[\w-]+):\s*{pair}", style)
    return {name or selector.strip(): (light, dark) for name, selector, light, dark in found}


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, each `#rrggbb`."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
