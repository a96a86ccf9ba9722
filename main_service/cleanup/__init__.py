"""Ends what has expired or is unused, and deletes what is left of it from both stores."""
