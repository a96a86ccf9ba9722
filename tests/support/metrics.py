"""Reads what a web process counts."""

import httpx

METRICS_TOKEN = "a-token-of-the-tests"
NOT_FOUND = 'slipbin_address_misses_total{status="404"}'


def read_metrics(client: httpx.Client) -> dict[str, float]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    assert answer.status_code == 200
    return parse_metrics(answer)


def parse_metrics(answer: httpx.Response) -> dict[str, float]:
    """The value of each sample, by its name and labels as they are told."""
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}
