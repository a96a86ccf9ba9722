"""Metrics for Prometheus, and the files through which web processes share them."""
