"""The commands, each a function that Typer turns into one. Their docstrings are their help."""
