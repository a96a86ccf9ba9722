"""The gateway: configuration, certificate and error pages of the nginx in front of the web processes."""
