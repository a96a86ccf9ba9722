"""Answers redirects and small texts before FastAPI sees the request."""
