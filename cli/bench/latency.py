"""Latencies in one line: percentiles, and how many measurements lie beyond each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from demo.stage.statistics import percentile

PERCENTILES = (50, 90, 99)


def latencies(values_ms: Sequence[float]) -> dict[str, Any]:
    """Return count, percentiles by nearest rank, and the largest, in ms to hundredths.

    ``beyond`` says how many measurements lie beyond each percentile: one of which none does is the
    largest that was seen, and says nothing about what is rarer.
    """
    values = sorted(values_ms)
    return {
        "count": len(values),
        **{f"p{each}": percentile(values, each) for each in PERCENTILES},
        "max": percentile(values, 100),
        "beyond": {f"p{each}": len(values) - -(-len(values) * each // 100) for each in PERCENTILES},
    }


def single_ms(values_ms: Sequence[float]) -> dict[str, Any]:
    """Return what single submissions took, in ms: as :func:`latencies`, with median and p95."""
    return {
        "median": percentile(values_ms, 50),
        "p95": percentile(values_ms, 95),
        **latencies(values_ms),
    }
