"""Deletes accounts, and ends or releases their entries."""
