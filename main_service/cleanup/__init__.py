"""Ends what has expired and empties both stores of what has ended."""
