"""Reads the files that users import, without trusting what the files say about themselves."""
