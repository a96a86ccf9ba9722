"""Every dashboard, and the files that Grafana reads."""

import json
from pathlib import Path

from deploy.observability.dashboards import engines, redirects, service, tasks, visits
from deploy.observability.dashboards.panels import Dashboard

FOLDER = Path(__file__).parents[1] / "grafana" / "dashboards"
DASHBOARDS: tuple[Dashboard, ...] = (
    service.DASHBOARD,
    redirects.DASHBOARD,
    visits.DASHBOARD,
    tasks.DASHBOARD,
    engines.DASHBOARD,
)


def files() -> dict[str, str]:
    """The text of each file in FOLDER, by its name."""
    return {f"{each.uid}.json": json.dumps(each.json(), indent=1, ensure_ascii=False) + "\n" for each in DASHBOARDS}
