"""Every metric of the orchestrator, a sentence each."""

import prometheus_client

from reelmesh_orchestrator.model import attempt, breaker, generation
from reelmesh_orchestrator.ports import counting

LANES = ("bus", "storage")


class Metrics:
    """The orchestrator's metrics. All replicas count the same record and show the same: take one of them, not the sum.

    Labels are states, accounts, models and lanes: never ids or tenants.
    """

    def __init__(self, registry: prometheus_client.CollectorRegistry) -> None:
        """Register all of them."""
        self._generations = prometheus_client.Gauge(
            "orchestrator_generations",
            "Generations that have not ended, by state; counted up to 100000.",
            ["state"],
            registry=registry,
        )
        self._attempts = prometheus_client.Gauge(
            "orchestrator_attempts",
            "Attempts that have not ended, by the account at which they are made and state; counted up to 100000.",
            ["account_id", "state"],
            registry=registry,
        )
        self._messages = prometheus_client.Gauge(
            "orchestrator_outbox_messages",
            "Messages that stand in the record and are not known to be sent, by lane (bus, storage); up to 100000.",
            ["lane"],
            registry=registry,
        )
        self._oldest = prometheus_client.Gauge(
            "orchestrator_outbox_oldest_seconds",
            "How long the oldest message of the outbox has waited, by lane (bus, storage); 0 when it is empty.",
            ["lane"],
            registry=registry,
        )

        self._breakers = prometheus_client.Gauge(
            "orchestrator_breakers",
            "Circuit breakers: 1 for the state that each is in; those that never heard bad news are not told.",
            ["account_id", "model", "state"],
            registry=registry,
        )
        self._switches = prometheus_client.Gauge(
            "orchestrator_switched_off",
            "1 for each provider, account or model that an operator has switched off; an empty label means any.",
            ["provider", "account_id", "model"],
            registry=registry,
        )

    def show(self, tally: counting.Tally) -> None:
        """Show these numbers; a state that nothing is in is 0, also at each account that has attempts."""
        self.forget()
        for state in set(generation.GenerationState) - generation.ENDED:
            self._generations.labels(state.value).set(tally.generations.get(state.value, 0))
        for account_id in {account_id for account_id, _ in tally.attempts}:
            for state in attempt.UNBEGUN | attempt.UNRESOLVED:
                self._attempts.labels(account_id, state.value).set(tally.attempts.get((account_id, state.value), 0))
        for lane in LANES:
            waiting = tally.outbox.get(lane, counting.Waiting(0, 0.0))
            self._messages.labels(lane).set(waiting.messages)
            self._oldest.labels(lane).set(waiting.oldest_seconds)
        for (account_id, model), current in tally.breakers.items():
            for state in breaker.BreakerState:
                self._breakers.labels(account_id, model, state.value).set(state.value == current)
        for target in tally.switches:
            self._switches.labels(*target).set(1)

    def forget(self) -> None:
        """Show no numbers."""
        counted = (self._generations, self._attempts, self._messages, self._oldest)
        for gauge in (*counted, self._breakers, self._switches):
            gauge.clear()
