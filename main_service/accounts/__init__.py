"""Registered users: accounts, passwords, sign-in, tokens. The only importer of fastapi_users."""
