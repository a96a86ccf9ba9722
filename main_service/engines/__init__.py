"""What the service stands on: PostgreSQL, Redis, the object store, and the hashing of passwords."""
