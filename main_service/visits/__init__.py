"""Visits: brought from the stream to PostgreSQL, each counted exactly once."""
