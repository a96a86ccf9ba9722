"""Metrics for Prometheus, logs and traces, and the files through which processes share metrics."""
