"""Imports of what other services, and other installations of Slipbin, have exported."""
