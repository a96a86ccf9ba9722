"""What is kept of a text that a visitor sends. It is apart from `enrich`, whose packages web processes don't load."""


def clean(text: str, longest: int) -> str | None:
    """The printable characters, at most `longest`; None if none is left."""
    return "".join(sign for sign in text if sign.isprintable())[:longest] or None
