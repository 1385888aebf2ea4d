"""Writes the page of the metrics from what the services register, so that no name is typed twice."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import prometheus_client
from prometheus_client import metrics as wrappers
from reelmesh_gateway.routes import metrics as gateway
from reelmesh_kit import metrics as kit
from reelmesh_operator import metrics as operator
from reelmesh_orchestrator import metrics as orchestrator
from reelmesh_provider import metrics as provider
from reelmesh_storage import metrics as storage

INTRODUCTION = """\
# Metrics

Printed from what the services register by `make pages`; a test fails when this page is older. Prometheus reads them at
`/metrics` of each process's admin port (the gateway serves its own on its HTTP port, too). Asked for OpenMetrics, the
histograms have exemplars: the trace ids of single calls, deliveries and generations. Labels are bounded: methods,
states, accounts and models, never ids or tenants. Beside them each process has Prometheus' own `process_…`. What is
worth an alarm, and how one generation is followed, is in [operating](operating.md#how-it-is).

A histogram is read by its `_bucket`, `_sum` and `_count`. Its rate is that of `_count`, its errors are those with a bad
status, outcome or state among its labels, its duration is a quantile over `_bucket`: for each RPC, each route, and each
consumer of a queue.
"""
HEAD = "| metric | kind | unit | labels | what it tells |\n|---|---|---|---|---|\n"
Register = Callable[[prometheus_client.CollectorRegistry], object]
CHAPTERS: Mapping[str, Sequence[Register]] = {
    "Every service": [kit.Metrics],
    "The gateway": [gateway.Metrics],
    "The orchestrator: what it has decided, of each replica; the sum counts": [orchestrator.Decisions],
    "The orchestrator: what stands in the record, the same at each replica; the maximum counts": [orchestrator.Metrics],
    "Workers of providers": [provider.Metrics],
    "Storage": [storage.Metrics],
    "The operator": [operator.Metrics],
}
_UNITS = {"seconds": "s", "bytes": "bytes", "dollars": "US dollars", "days": "days"}
_COUNTS = "number"


class Registry(prometheus_client.CollectorRegistry):
    """A registry that keeps what is registered in its order."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.registered: list[wrappers.MetricWrapperBase] = []

    def register(self, collector: object) -> None:
        """Keep a metric; those of the operating system are Prometheus' own."""
        if isinstance(collector, wrappers.MetricWrapperBase):
            self.registered.append(collector)


def registered(chapter: str) -> Sequence[wrappers.MetricWrapperBase]:
    """Return the metrics of a chapter."""
    registry = Registry()
    for register in CHAPTERS[chapter]:
        register(registry)
    return registry.registered


def name_of(metric: wrappers.MetricWrapperBase) -> str:
    """Return the name by which a metric is asked for."""
    (family,) = metric.describe()
    return f"{family.name}_total" if family.type == "counter" else family.name


def page() -> str:
    """Return the whole page."""
    chapters = (f"\n## {title}\n\n{HEAD}{''.join(_row(metric) for metric in registered(title))}" for title in CHAPTERS)
    return INTRODUCTION + "".join(chapters)


def _row(metric: wrappers.MetricWrapperBase) -> str:
    (family,) = metric.describe()
    name = name_of(metric)
    unit = next((unit for word, unit in _UNITS.items() if word in name.split("_")), _COUNTS)
    names = cast(Sequence[str], metric._labelnames)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]
    labels = ", ".join(f"`{label}`" for label in names) or "-"
    return f"| `{name}` | {family.type} | {unit} | {labels} | {family.documentation} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
