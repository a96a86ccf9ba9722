"""The pages of accounts: signing in, what emails lead to, and the settings."""
