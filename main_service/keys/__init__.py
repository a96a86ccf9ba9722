"""Keys of entries: ready ones from the pools, and the membership filter of all keys that were ever used."""
