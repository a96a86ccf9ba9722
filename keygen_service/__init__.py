"""Keeps pools of unique ready keys in Redis. Shares no code with main_service."""
