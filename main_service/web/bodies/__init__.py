"""Bodies of requests, read within limits: forms, JSON and JSON Lines."""
