"""Grafana's dashboards, as tables of panels. `python -m deploy.observability.dashboards` writes their JSON."""
