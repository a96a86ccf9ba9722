"""Jobs that superusers order: recorded by a request, run by the worker."""
