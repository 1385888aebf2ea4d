"""Tells of generations that have ended by a span each, so that a trace can be found, and kept, by what came of it."""

import datetime

from reelmesh_kit import telemetry

from reelmesh_orchestrator.model import generation
from reelmesh_orchestrator.ports import counting

NAME = "generation"
STATE = "reelmesh.generation.state"
RUN = "reelmesh.generation.run"
DELIVERY = "reelmesh.generation.delivery"
ATTEMPTS = "reelmesh.generation.attempts"
COST_MICROS = "reelmesh.cost.micros"


class Endings:
    """Writes the spans."""

    def __init__(self, told: telemetry.Telemetry) -> None:
        """Tell `told`."""
        self._told = told

    def note(self, decided: counting.Decided) -> None:
        """Tell of a generation that ended by a decision, as long as its run took."""
        one = decided.after.generation
        if not one.ended or (decided.before is not None and decided.before.generation.ended):
            return
        ended = one.complete_time or one.update_time
        self._told.tell(
            NAME,
            parent=one.traceparent,
            began=min(_began(decided), ended),
            ended=ended,
            attributes={
                telemetry.GENERATION_ID: str(one.id),
                STATE: one.state.value,
                RUN: one.run,
                DELIVERY: one.delivery.value,
                ATTEMPTS: len(decided.after.attempts),
                COST_MICROS: decided.after.spent_micros,
            },
            error=one.failure.reason if one.failure and one.state is not generation.GenerationState.CANCELLED else "",
        )


def _began(decided: counting.Decided) -> datetime.datetime:
    one = decided.after.generation
    if one.run == 1:
        return one.create_time
    # When a retry was asked for stands in the history alone; its attempts were planned then.
    planned = [each.create_time for each in decided.after.attempts if each.run == one.run]
    return min(planned, default=one.update_time)
