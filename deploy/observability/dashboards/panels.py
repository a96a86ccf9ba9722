"""What a dashboard is made of, and its JSON as Grafana reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
COLUMNS = 24
"""How wide a dashboard is, in Grafana's own measure."""

# Grafana's names of units.
PER_SECOND = "reqps"
SECONDS = "s"
BYTES = "bytes"
SHARE = "percentunit"
COUNT = "short"
SINCE = "dateTimeFromNow"


@dataclass(frozen=True)
class Query:
    """An expression of PromQL, and how each of its series is called: text with `{{label}}` in it."""

    expression: str
    name: str = ""


@dataclass(frozen=True)
class Panel:
    """A graph, or with `is_number` the newest value alone.

    `note`: what is to be known to read it. `red_from`, `red_below`: where it becomes alarming. `width`: of 24.
    """

    title: str
    unit: str
    queries: Sequence[Query]
    note: str = ""
    is_number: bool = False
    is_stacked: bool = False
    red_from: float | None = None
    red_below: float | None = None
    width: int = 8
    highest: float | None = None
    words: tuple[tuple[float, str], ...] = ()
    """Values that are shown as words."""

    @property
    def height(self) -> int:
        return 4 if self.is_number else 8

    def json(self, number: int, *, x: int, y: int) -> dict[str, Any]:
        return {
            "id": number,
            "type": "stat" if self.is_number else "timeseries",
            "title": self.title,
            "description": self.note,
            "datasource": PROMETHEUS,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [
                {
                    "refId": chr(ord("A") + place),
                    "datasource": PROMETHEUS,
                    "expr": query.expression,
                    "legendFormat": query.name,
                    "instant": self.is_number,
                    "range": not self.is_number,
                }
                for place, query in enumerate(self.queries)
            ],
            "fieldConfig": {"defaults": self._field(), "overrides": []},
            "options": self._options(),
        }

    def _field(self) -> dict[str, Any]:
        field: dict[str, Any] = {"unit": self.unit, "thresholds": {"mode": "absolute", "steps": self._steps()}}
        if self.unit != SINCE:
            field["min"] = 0
        if self.highest is not None:
            field["max"] = self.highest
        if self.words:
            words = {f"{value:g}": {"text": text, "index": place} for place, (value, text) in enumerate(self.words)}
            field["mappings"] = [{"type": "value", "options": words}]
        if not self.is_number:
            field["custom"] = {
                "drawStyle": "line",
                "lineWidth": 1,
                "fillOpacity": 25 if self.is_stacked else 8,
                "showPoints": "never",
                "stacking": {"mode": "normal" if self.is_stacked else "none", "group": "A"},
                "thresholdsStyle": {"mode": "off" if len(self._steps()) == 1 else "dashed"},
            }
        return field

    def _steps(self) -> list[dict[str, Any]]:
        if self.red_from is not None:
            return [{"color": "green", "value": None}, {"color": "red", "value": self.red_from}]
        if self.red_below is not None:
            return [{"color": "red", "value": None}, {"color": "green", "value": self.red_below}]
        return [{"color": "green", "value": None}]

    def _options(self) -> dict[str, Any]:
        if self.is_number:
            return {
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                "colorMode": "value",
                "graphMode": "none",
                "textMode": "auto",
            }
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }


@dataclass(frozen=True)
class Row:
    """Panels under one heading, which are laid out from left to right."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Dashboard:
    """A page of Grafana. `uid`: the end of its address, which bookmarks hold."""

    uid: str
    title: str
    rows: Sequence[Row]

    @property
    def expressions(self) -> list[str]:
        return [query.expression for row in self.rows for panel in row.panels for query in panel.queries]

    def json(self) -> dict[str, Any]:
        return {
            "uid": f"slipbin-{self.uid}",
            "title": self.title,
            "tags": ["slipbin"],
            "editable": True,
            "graphTooltip": 1,
            "refresh": "30s",
            "schemaVersion": 39,
            "time": {"from": "now-3h", "to": "now"},
            "timezone": "browser",
            "annotations": {"list": [_alerts()]},
            "links": [_other_dashboards()],
            "templating": {"list": []},
            "panels": self._panels(),
        }

    def _panels(self) -> list[dict[str, Any]]:
        panels: list[dict[str, Any]] = []
        y = 0
        for row in self.rows:
            place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
            panels.append(
                {
                    "id": len(panels) + 1,
                    "type": "row",
                    "title": row.title,
                    "collapsed": False,
                    "gridPos": place,
                    "panels": [],
                }
            )
            y += 1
            x = line_height = 0
            for panel in row.panels:
                if x + panel.width > COLUMNS:
                    x, y, line_height = 0, y + line_height, 0
                panels.append(panel.json(len(panels) + 1, x=x, y=y))
                x, line_height = x + panel.width, max(line_height, panel.height)
            y += line_height
        return panels


def _alerts() -> dict[str, Any]:
    """Marks in every graph when an alert fired."""
    return {
        "name": "Alerts",
        "datasource": PROMETHEUS,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{alertstate="firing"}',
        "titleFormat": "{{alertname}}",
        "step": "60s",
    }


def _other_dashboards() -> dict[str, Any]:
    return {
        "type": "dashboards",
        "title": "Slipbin",
        "tags": ["slipbin"],
        "asDropdown": True,
        "includeVars": False,
        "keepTime": True,
    }
