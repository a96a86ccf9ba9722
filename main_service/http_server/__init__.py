"""The HTTP server: uvicorn's protocol within bounds, and several processes on one socket."""
