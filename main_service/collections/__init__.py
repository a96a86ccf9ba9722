"""Collections: sets of entries that users put together and may share."""
