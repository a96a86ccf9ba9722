"""The door for clients of Shlink: version 3 of its REST API, with an API token as `X-Api-Key`."""
