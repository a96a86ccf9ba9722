"""A user's own entries: list, search, export."""
