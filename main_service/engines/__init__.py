"""The engines below the service: PostgreSQL, Redis, the object store, and password hashing."""
