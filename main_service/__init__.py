"""Pastes and short links: web pages, JSON API and background work."""
