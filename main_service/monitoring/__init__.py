"""What this service counts for Prometheus."""
