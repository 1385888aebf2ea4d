"""Every metric of the operator, a sentence each."""

from collections.abc import Mapping, Sequence

import prometheus_client

from reelmesh_operator.model import pools


class Metrics:
    """The operator's metrics. Labels are pools, conditions and kinds of failures."""

    def __init__(self, registry: prometheus_client.CollectorRegistry) -> None:
        """Register all of them."""
        self._numbers = prometheus_client.Gauge(
            "operator_pool_workers",
            "Workers of each pool: replicas, ready, desired (that it is on the way to), draining (that it asks to take "
            "no new work) and cordoned (that take none): more cordoned than draining for over a minute is wrong.",
            ["pool", "which"],
            registry=registry,
        )
        self._work = prometheus_client.Gauge(
            "operator_pool_work",
            "What each pool has to do: waiting (to be sent out) and in_flight.",
            ["pool", "which"],
            registry=registry,
        )
        self._conditions = prometheus_client.Gauge(
            "operator_pool_condition",
            "Conditions of each pool: 1 for the status (True, False, Unknown) and reason that it has.",
            ["pool", "type", "status", "reason"],
            registry=registry,
        )
        self._failures = prometheus_client.Counter(
            "operator_failures_total",
            "What could not be done, and is tried again with the next round, by what (signals, read, scale, cost, "
            "cordon, status, event).",
            ["what"],
            registry=registry,
        )
        self._rounds = prometheus_client.Counter(
            "operator_rounds_total", "Times that all pools were looked at and decided about.", registry=registry
        )

    def show(self, views: Sequence[pools.View], decisions: Mapping[str, pools.Decision]) -> None:
        """Show what was seen and decided."""
        self._rounds.inc()
        for gauge in (self._numbers, self._work, self._conditions):
            gauge.clear()
        for view in views:
            self._show(view, decisions[view.desired.name])

    def count(self, what: str) -> None:
        """Count something that failed."""
        self._failures.labels(what).inc()

    def _show(self, view: pools.View, decision: pools.Decision) -> None:
        name = view.desired.name
        if view.actual is not None:
            self._numbers.labels(name, "replicas").set(view.actual.replicas)
            self._numbers.labels(name, "ready").set(sum(pod.ready for pod in view.actual.live))
        if decision.target is not None:
            self._numbers.labels(name, "desired").set(decision.target)
        self._numbers.labels(name, "draining").set(len(decision.cordon or ()))
        if view.signal is not None and view.actual is not None:
            # Several pools may share a queue: only who is a Pod of this one counts.
            own = {pod.name for pod in view.actual.pods}
            cordoned = sum(one.cordoned and one.name in own for one in view.signal.workers)
            self._numbers.labels(name, "cordoned").set(cordoned)
        if view.signal is not None:
            self._work.labels(name, "waiting").set(view.signal.waiting)
            self._work.labels(name, "in_flight").set(view.signal.to_do + view.signal.watched)
        for one in decision.conditions:
            self._conditions.labels(name, one.type.value, one.truth.value, one.reason).set(1)
