"""The JSON API of entries."""
