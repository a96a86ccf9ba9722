"""For load balancers and operators: health checks and the page of metrics."""
