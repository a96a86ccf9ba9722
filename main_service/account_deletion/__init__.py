"""Deletes accounts, and takes care of the entries that they leave."""
