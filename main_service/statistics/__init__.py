"""Statistics of visits: of an entry, and the most visited entries."""
