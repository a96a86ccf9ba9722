"""Compression of answers: which content codings a client accepts, and what is sent in them."""
