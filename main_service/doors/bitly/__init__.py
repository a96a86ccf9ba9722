"""The door for clients of Bitly: version 4 of its API, with an API token as Bearer."""
