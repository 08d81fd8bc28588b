"""Percentiles of measured times."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile, rounded to hundredths; 0 without values."""
    if not values:
        return 0.0
    rank = max(1, -(-len(values) * percent // 100))
    return round(sorted(values)[rank - 1], 2)


def median(values: Sequence[float]) -> float:
    """Return the 50th percentile."""
    return percentile(values, 50)
