"""What ends a start with one sentence for the person at the terminal."""


class StartError(Exception):
    """The start cannot go on; the text is a whole sentence that says what is wrong and what to do."""
