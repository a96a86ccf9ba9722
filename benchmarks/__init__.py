"""Side-by-side runs: Slipbin beside what limits it, in one run on one machine. Ratios count, not absolute figures."""
