"""Reports of visits: files that a user asks for, and a daily email."""
