"""Detects the languages of pastes whose authors name none, in the background, and stores them."""
