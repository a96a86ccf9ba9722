"""Visits: counted exactly once, and shown."""
