"""Keys of entries: ready ones from the pools, and the filter that knows which were never used."""
