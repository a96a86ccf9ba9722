"""For load balancers and operators: health checks, the page of metrics, and what the site says about itself."""
