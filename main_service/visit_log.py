"""Visits on their way to PostgreSQL."""
