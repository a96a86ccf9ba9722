"""Filters of the statistics page: a value for each dimension that is filtered by."""

from collections.abc import Mapping

from main_service.visits.models import Dimension
from main_service.visits.printable import clean

_LONGEST = 253
"""No value is longer than the name of a host."""


def read_filters(query: Mapping[str, str]) -> dict[Dimension, str]:
    """The filters of a query, in the order of the dimensions; what is empty is none."""
    found = {dimension: clean(query.get(dimension, ""), _LONGEST) for dimension in Dimension}
    return {dimension: value for dimension, value in found.items() if value is not None}
