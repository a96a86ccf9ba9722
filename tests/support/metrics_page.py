"""Writes the tables of docs/metrics.md, which are made from the code: `make metrics`."""

import re
from collections.abc import Iterator
from types import ModuleType

from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

import keygen_service.metrics
import main_service.monitoring.metrics
from main_service.monitoring import scraped
from tests.support.engines import REPOSITORY

PAGE = REPOSITORY / "docs/metrics.md"


def counted_in(module: ModuleType) -> list[MetricWrapperBase]:
    """The metrics that a module declares, in its order."""
    return [each for each in vars(module).values() if isinstance(each, MetricWrapperBase)]


def exported_name(metric: MetricWrapperBase) -> str:
    """The name in an exposition; that of a histogram without its endings."""
    return f"{metric._name}_total" if metric._type == "counter" else metric._name


def all_names() -> set[str]:
    """The names of all metrics; those of histograms without their endings."""
    counted = [*counted_in(main_service.monitoring.metrics), *counted_in(keygen_service.metrics)]
    return {*map(exported_name, counted), *(each.name for each in scraped.ALL)}


def rows_of_counted(module: ModuleType) -> Iterator[str]:
    yield "| metric | type | meaning |\n| --- | --- | --- |"
    for each in counted_in(module):
        kind = each._type
        if isinstance(each, Histogram):
            kind += f" ({', '.join(f'{bound:g}' for bound in each._kwargs['buckets'])})"
        yield f"| `{exported_name(each)}{_labels(each._labelnames)}` | {kind} | {each._documentation} |"


def rows_of_asked() -> Iterator[str]:
    yield "| metric | meaning |\n| --- | --- |"
    for each in scraped.ALL:
        yield f"| `{each.name}{_labels(each.labels)}` | {each.help} |"


def _labels(names: tuple[str, ...]) -> str:
    return f"{{{','.join(names)}}}" if names else ""


def with_tables(page: str) -> str:
    """The page with its tables as the code has them now."""
    tables = {
        "counted by main_service": rows_of_counted(main_service.monitoring.metrics),
        "counted by keygen_service": rows_of_counted(keygen_service.metrics),
        "asked": rows_of_asked(),
    }
    for name, rows in tables.items():
        begin, end = f"<!-- {name}: written by `make metrics` -->", f"<!-- end of {name} -->"
        text = f"{begin}\n" + "\n".join(rows) + f"\n{end}"
        page, count = re.subn(f"{begin}.*?{end}", lambda _: text, page, flags=re.DOTALL)  # noqa: B023
        assert count == 1, f"the page has no place for what is {name}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
