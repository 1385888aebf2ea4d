"""Every metric of the orchestrator, a sentence each."""

import prometheus_client
from reelmesh_kit import metrics

from reelmesh_orchestrator.model import attempt, breaker, draft, generation
from reelmesh_orchestrator.ports import counting

LANES = ("bus", "storage")
# The only scope that there is a queue of.
MESH = "mesh"
MICROS_PER_DOLLAR = 1_000_000
SECONDS_PER_DAY = 86_400.0
# From a clip that is drawn here to a vendor's queue on a bad day.
GENERATION_BUCKETS_SECONDS = (1, 2.5, 5, 10, 20, 30, 60, 90, 120, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)
IMAGES_BUCKETS = (0, 1, 2, 3, 4, 6, 8, 12, 16)


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
        self._length = prometheus_client.Gauge(
            "orchestrator_queue_length",
            "Generations of all tenants that have not ended; counted up to 100000.",
            # A gauge without labels cannot be absent.
            ["scope"],
            registry=registry,
        )
        self._limit = prometheus_client.Gauge(
            "orchestrator_queue_limit",
            "Generations of all tenants that may be unfinished; further creates are refused for now.",
            ["scope"],
            registry=registry,
        )
        self._slots = prometheus_client.Gauge(
            "orchestrator_account_slots",
            "Attempts that may be in flight at each enabled account.",
            ["account_id"],
            registry=registry,
        )
        self._retirement = prometheus_client.Gauge(
            "orchestrator_model_retirement_days",
            "Days until a model is retired by its vendor, as its card says; negative after that day.",
            ["provider", "model"],
            registry=registry,
        )

    def limit(self, generations: int) -> None:
        """Show how many generations of all tenants may be unfinished."""
        self._limit.labels(MESH).set(generations)

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
        self._length.labels(MESH).set(sum(tally.generations.values()))
        for account_id, slots in tally.slots.items():
            self._slots.labels(account_id).set(slots)
        for (provider, model), left in tally.retirements.items():
            self._retirement.labels(provider, model).set(left.total_seconds() / SECONDS_PER_DAY)

    def forget(self) -> None:
        """Show no numbers."""
        counted = (self._generations, self._attempts, self._messages, self._oldest)
        standing = (self._breakers, self._switches, self._length, self._slots, self._retirement)
        for gauge in (*counted, *standing):
            gauge.clear()


class Decisions:
    """What this orchestrator has decided: each replica counts its own decisions, and their sum counts.

    The labels of attempts are providers, accounts and models: those of the configuration.
    """

    def __init__(self, registry: prometheus_client.CollectorRegistry) -> None:
        """Register all of them."""
        self._generations = prometheus_client.Counter(
            "video_generation_total",
            "Generations that have ended, by state and by what was delivered (VIDEO, INFOGRAPHIC, TEXT, '' nothing).",
            ["state", "delivery"],
            registry=registry,
        )
        self._durations = prometheus_client.Histogram(
            "video_generation_duration_seconds",
            "How long generations took from their admission to their end, by state and delivery; retries are left out.",
            ["state", "delivery"],
            buckets=GENERATION_BUCKETS_SECONDS,
            registry=registry,
        )
        self._images = prometheus_client.Histogram(
            "video_generation_images",
            "Images that admitted generations were given: references, first and last frames.",
            buckets=IMAGES_BUCKETS,
            registry=registry,
        )
        self._attempts = prometheus_client.Counter(
            "video_generation_attempts_total",
            "Attempts that were planned, by provider, model and why: first of their shot, again (at the same model of "
            "the same account), fallback (elsewhere).",
            ["provider", "model", "why"],
            registry=registry,
        )
        self._events = prometheus_client.Counter(
            "orchestrator_events_total",
            "Events of generations' histories, by type: falling_back, retried, incident and all others.",
            ["type"],
            registry=registry,
        )
        self._ended = prometheus_client.Counter(
            "orchestrator_attempts_resolved_total",
            "Times that attempts came to a state in which nothing is at stake, by where they were made and state.",
            ["provider", "account_id", "model", "state"],
            registry=registry,
        )
        self._doubtful = prometheus_client.Counter(
            "orchestrator_attempts_indeterminate_total",
            "Times that an attempt became INDETERMINATE: nobody knew whether the provider had taken it.",
            ["provider", "account_id", "model"],
            registry=registry,
        )
        self._waits = prometheus_client.Histogram(
            "orchestrator_attempt_wait_seconds",
            "How long attempts waited from their planning to the leave to submit them, by account.",
            ["account_id"],
            buckets=GENERATION_BUCKETS_SECONDS,
            registry=registry,
        )
        self._works = prometheus_client.Histogram(
            "orchestrator_attempt_duration_seconds",
            "How long attempts that came to a clip took from the leave to submit them, by account and model.",
            ["account_id", "model"],
            buckets=GENERATION_BUCKETS_SECONDS,
            registry=registry,
        )
        self._cost = prometheus_client.Counter(
            "orchestrator_cost_dollars_total",
            "What attempts have cost, or were written off with, US dollars, by where they were made.",
            ["provider", "account_id", "model"],
            registry=registry,
        )

    def note(self, decided: counting.Decided) -> None:
        """Count a decision that is on disk."""
        self._note_generation(decided.before, decided.after.generation)
        known = {one.id: one for one in decided.before.attempts} if decided.before else {}
        for one in decided.after.attempts:
            before = known.get(one.id)
            if before is None:
                self._attempts.labels(one.provider, one.model, _why(one, decided.after)).inc()
            if before is None or before.state is not one.state:
                self._note_attempt(one, decided.after.generation.traceparent)
        for effect in decided.effects:
            if isinstance(effect, draft.Happened):
                self._events.labels(effect.type).inc()
            elif isinstance(effect, draft.Entry) and effect.kind is draft.EntryKind.SETTLE:
                of = decided.after.attempt(effect.attempt_id)
                self._cost.labels(*_where(of)).inc(effect.amount_micros / MICROS_PER_DOLLAR)

    def _note_generation(self, before: draft.Aggregate | None, one: generation.Generation) -> None:
        if before is None:
            frames = (one.first_frame_asset_id, one.last_frame_asset_id)
            self._images.observe(len(one.reference_asset_ids) + sum(bool(frame) for frame in frames))
        if not one.ended or (before is not None and before.generation.ended):
            return
        self._generations.labels(one.state.value, one.delivery.value).inc()
        if one.run == 1 and one.complete_time is not None:
            seconds = (one.complete_time - one.create_time).total_seconds()
            metrics.observe_stored(
                self._durations, seconds, one.traceparent, state=one.state.value, delivery=one.delivery.value
            )

    def _note_attempt(self, one: attempt.Attempt, traceparent: str) -> None:
        if one.state is attempt.AttemptState.INDETERMINATE:
            self._doubtful.labels(*_where(one)).inc()
        if not one.open:
            self._ended.labels(*_where(one), one.state.value).inc()
        if one.submit_time is None:
            return
        if one.state is attempt.AttemptState.SUBMITTING:
            waited = (one.submit_time - one.create_time).total_seconds()
            metrics.observe_stored(self._waits, waited, traceparent, account_id=one.account_id)
        if one.state is attempt.AttemptState.SUCCEEDED and one.complete_time is not None:
            took = (one.complete_time - one.submit_time).total_seconds()
            metrics.observe_stored(self._works, took, traceparent, account_id=one.account_id, model=one.model)


def _where(one: attempt.Attempt) -> tuple[str, str, str]:
    return one.provider, one.account_id, one.model


def _why(one: attempt.Attempt, within: draft.Aggregate) -> str:
    """Tell why an attempt was planned, by the one of its shot and run that came before it."""
    earlier = [two for two in within.attempts_of(one.shot_id) if two.run == one.run and two.ordinal < one.ordinal]
    if not earlier:
        return "first"
    last = max(earlier, key=lambda two: two.ordinal)
    return "again" if _where(last) == _where(one) else "fallback"
