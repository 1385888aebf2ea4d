"""Turns measurements into the few numbers that are printed: percentiles, medians, rates."""

import math
import statistics
from collections.abc import Mapping, Sequence

MILLISECONDS = 1000.0


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest of `values` that at least `percent` per cent of them do not exceed.

    Raises:
        ValueError: there are none, or `percent` is not within 0 to 100.
    """
    if not values:
        raise ValueError("there is nothing to take a percentile of")
    if not 0 <= percent <= 100:
        raise ValueError(f"a percentile is 0 to 100, not {percent:g}")
    rank = math.ceil(percent / 100 * len(values))
    return sorted(values)[max(rank - 1, 0)]


def p50_p99_milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median and the 99th percentile of durations."""
    return {
        "p50_ms": round(percentile(seconds, 50) * MILLISECONDS, 2),
        "p99_ms": round(percentile(seconds, 99) * MILLISECONDS, 2),
    }


def milliseconds_each(cpu_seconds: Mapping[str, float], count: int) -> dict[str, float]:
    """Return what one of `count` jobs took of each process, milliseconds."""
    return {name: round(spent * MILLISECONDS / count, 3) for name, spent in cpu_seconds.items()}


def medians(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each column of several runs; every run has the same columns."""
    return {name: round(statistics.median(row[name] for row in rows), 3) for name in rows[0]}
