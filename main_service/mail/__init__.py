"""Mail: an outbox in PostgreSQL, its messages, and their delivery."""
