"""Visits on their way to PostgreSQL: the stream of Redis, its format, writer and reader."""
