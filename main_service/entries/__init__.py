"""Entries: pastes and links, one thing with one lifetime."""
