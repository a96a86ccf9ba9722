"""Each alert fires when it should and not a moment before; promtool, of Prometheus itself, works the rules out."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability.alert_cases import CASES, Series
from tests.support.engines import REPOSITORY
from tests.support.tools import needs

FOLDER = REPOSITORY / "deploy/observability"
GROUPS = [group for file in FOLDER.glob("rules/*.yml") for group in yaml.safe_load(file.read_text())["groups"]]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        [needs("promtool", "prometheus"), *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_its_configuration_and_all_rules() -> None:
    said = promtool("check", "config", str(FOLDER / "prometheus.yml"))

    assert f"SUCCESS: {len(list(FOLDER.glob('rules/*.yml')))} rule files found" in said


def test_alertmanager_takes_its_configuration() -> None:
    amtool = needs("amtool", "prometheus-alertmanager")

    subprocess.run([amtool, "check-config", str(FOLDER / "alertmanager.yml")], check=True, timeout=60)


def test_every_alert_has_its_cases() -> None:
    assert set(CASES) == set(ALERTS)


def expectation(alert: str, series: Series, *, minutes: int, is_firing: bool) -> dict[str, Any]:
    """What promtool is to find out: whether an alert of this name fires then, with all that its sentence names."""
    labels = re.findall(r"\$labels\.(\w+)", ALERTS[alert]["annotations"]["summary"])
    matchers = ",".join([f'alertname="{alert}"', 'alertstate="firing"', *(f'{label}!=""' for label in labels)])
    expression = f"count(ALERTS{{{matchers}}}) > 0"
    return {
        "name": f"{alert} {'fires' if is_firing else 'is quiet'} after {minutes} minutes",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f"clamp_max({expression}, 1)",
                "eval_time": f"{minutes}m",
                "exp_samples": [{"labels": "{}", "value": 1}] if is_firing else [],
            }
        ],
    }


def test_each_alert_fires_for_its_cause_and_for_nothing_less(tmp_path: Path) -> None:
    groups: list[dict[str, Any]] = []
    for alert, case in CASES.items():
        groups.append(expectation(alert, case.fires, minutes=case.minutes, is_firing=True))
        groups.append(expectation(alert, case.quiet, minutes=case.minutes, is_firing=False))
        if case.fires_too is not None:
            groups.append(expectation(alert, case.fires_too, minutes=case.minutes, is_firing=True))
        if waits := re.fullmatch(r"([0-9]+)m", ALERTS[alert].get("for", "")):
            # What lasts shorter than it says is nothing to be told of.
            groups.append(expectation(alert, case.fires, minutes=int(waits[1]) - 1, is_firing=False))
    # JSON is YAML.
    file = tmp_path / "cases.json"
    files = [str(path) for path in FOLDER.glob("rules/*.yml")]
    file.write_text(json.dumps({"rule_files": files, "evaluation_interval": "1m", "tests": groups}))

    promtool("test", "rules", str(file))


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_alert_says_how_urgent_it_is_and_where_its_cure_stands(alert: str) -> None:
    rule = ALERTS[alert]
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.*)$", (REPOSITORY / page).read_text(), re.MULTILINE)

    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    assert anchor == alert.lower()
    assert headings.count(alert) == 1
