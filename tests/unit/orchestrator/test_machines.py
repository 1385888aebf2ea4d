"""Every state meets every event: the table moves it, or it is refused by name."""

import enum
import itertools
from typing import Any

import pytest
from reelmesh.v1 import generation_pb2
from reelmesh_orchestrator.model import attempt, breaker, eras, generation, machine, shot, step

MACHINES: list[tuple[machine.Machine[Any, Any], type[enum.StrEnum], type[enum.StrEnum]]] = [
    (generation.MACHINE, generation.GenerationState, generation.GenerationEvent),
    (shot.MACHINE, shot.ShotState, shot.ShotEvent),
    (attempt.MACHINE, attempt.AttemptState, attempt.AttemptEvent),
    (step.MACHINE, step.StepState, step.StepEvent),
    (eras.MACHINE, eras.EraState, eras.EraEvent),
    (breaker.MACHINE, breaker.BreakerState, breaker.BreakerEvent),
]


@pytest.mark.parametrize(("one", "states", "events"), MACHINES, ids=lambda value: getattr(value, "name", None))
def test_what_is_not_in_the_table_is_refused(
    one: machine.Machine[Any, Any], states: type[enum.StrEnum], events: type[enum.StrEnum]
) -> None:
    assert set(one.table) == set(states)
    for state, event in itertools.product(states, events):
        if one.allows(state, event):
            assert one.after(state, event) in states
        else:
            with pytest.raises(machine.RefusedError, match=f"{one.name}: {event} has no meaning in {state}"):
                one.after(state, event)


@pytest.mark.parametrize(("one", "states", "events"), MACHINES, ids=lambda value: getattr(value, "name", None))
def test_every_state_can_be_reached_and_every_event_moves_something(
    one: machine.Machine[Any, Any], states: type[enum.StrEnum], events: type[enum.StrEnum]
) -> None:
    first = next(iter(states))
    reached, frontier = {first}, [first]
    while frontier:
        for target in one.table[frontier.pop()].values():
            if target not in reached:
                reached.add(target)
                frontier.append(target)
    assert reached == set(states)
    assert {event for row in one.table.values() for event in row} == set(events)


def test_submitting_is_entered_from_one_state_by_one_event_only() -> None:
    ways = [
        (state, event)
        for state, row in attempt.MACHINE.table.items()
        for event, target in row.items()
        if target is attempt.AttemptState.SUBMITTING
    ]
    assert ways == [(attempt.AttemptState.DISPATCHED, attempt.AttemptEvent.BEGIN)]


def test_an_attempt_that_may_have_been_paid_never_goes_back_to_where_it_could_be_submitted() -> None:
    """From SUBMITTING on there is no path to PLANNED or DISPATCHED: a retry is a new row."""
    reached, frontier = set[attempt.AttemptState](), [attempt.AttemptState.SUBMITTING]
    while frontier:
        for target in attempt.MACHINE.table[frontier.pop()].values():
            if target not in reached:
                reached.add(target)
                frontier.append(target)
    assert not reached & (attempt.UNBEGUN | {attempt.AttemptState.SUBMITTING})


def test_a_job_that_turns_up_is_taken_in_every_state_that_has_none() -> None:
    without_job = set(attempt.AttemptState) - {
        attempt.AttemptState.ACCEPTED,
        attempt.AttemptState.SUCCEEDED,
        attempt.AttemptState.CANCELLED,
    }
    for state in without_job:
        assert attempt.MACHINE.after(state, attempt.AttemptEvent.RECORD) is attempt.AttemptState.ACCEPTED


@pytest.mark.parametrize(
    ("states", "message", "prefix"),
    [
        (generation.GenerationState, generation_pb2.GenerationState, "GENERATION_STATE_"),
        (shot.ShotState, generation_pb2.ShotState, "SHOT_STATE_"),
        (attempt.AttemptState, generation_pb2.AttemptState, "ATTEMPT_STATE_"),
    ],
    ids=["generation", "shot", "attempt"],
)
def test_the_protos_name_the_same_states(states: type[enum.StrEnum], message: Any, prefix: str) -> None:
    named = {name.removeprefix(prefix) for name in list(message.keys())}
    assert named == {state.value for state in states} | {"UNSPECIFIED"}


def test_the_diagram_shows_every_move() -> None:
    lines = generation.MACHINE.diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert len(lines) == 1 + sum(len(row) for row in generation.MACHINE.table.values())
