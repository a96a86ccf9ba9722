"""Reports of visits: files that a user asks for, and a letter each day."""
