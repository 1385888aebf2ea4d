"""The shape that nearly every verb has: load the generation under its lock, decide, record."""

import uuid
from collections.abc import Callable
from typing import TypeVar

from reelmesh_kit import errors

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import advancing, draft

Result = TypeVar("Result")


def on_generation(
    store: ports.Store, generation_id: uuid.UUID, policy: advancing.Policy, decide: Callable[[draft.Draft], Result]
) -> Result:
    """Run a decision on a generation, then everything that follows from the state it leaves, and record both.

    Raises:
        errors.NotFound: there is no such generation.
    """
    before = store.load(generation_id)
    if before is None:
        raise errors.NotFound(f"there is no generation {generation_id}")
    decided = draft.Draft(before, store.now)
    result = decide(decided)
    advancing.advance(decided, policy)
    store.save(before, decided)
    return result


def on_attempt(
    store: ports.Store, attempt_id: uuid.UUID, policy: advancing.Policy, decide: Callable[[draft.Draft], Result]
) -> Result:
    """Run a decision on the generation of an attempt.

    Raises:
        errors.NotFound: there is no such attempt.
    """
    generation_id = store.owner_of_attempt(attempt_id)
    if generation_id is None:
        raise errors.NotFound(f"there is no attempt {attempt_id}")
    return on_generation(store, generation_id, policy, decide)


def on_step(
    store: ports.Store, step_id: uuid.UUID, policy: advancing.Policy, decide: Callable[[draft.Draft], Result]
) -> Result:
    """Run a decision on the generation of a step.

    Raises:
        errors.NotFound: there is no such step.
    """
    generation_id = store.owner_of_step(step_id)
    if generation_id is None:
        raise errors.NotFound(f"there is no step {step_id}")
    return on_generation(store, generation_id, policy, decide)
