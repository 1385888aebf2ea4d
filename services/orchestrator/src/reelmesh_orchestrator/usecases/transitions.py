"""The shape that nearly every verb has: read the generation, decide, record what is fenced by its revision."""

import uuid
from collections.abc import Callable
from typing import TypeVar

from reelmesh_kit import errors

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import advancing, draft

Result = TypeVar("Result")


def on(
    store: ports.Store, before: draft.Aggregate, policy: advancing.Policy, decide: Callable[[draft.Draft], Result]
) -> tuple[Result, draft.Aggregate]:
    """Run a decision on a generation as it was read, then everything that follows from the state it leaves.

    Return the decision's result, and the generation as it is recorded. If it has changed meanwhile, the whole work of
    the transaction runs again.
    """
    decided = draft.Draft(before, store.now)
    result = decide(decided)
    advancing.advance(decided, policy)
    return result, store.save(before, decided)


def on_generation(
    store: ports.Store, generation_id: uuid.UUID, policy: advancing.Policy, decide: Callable[[draft.Draft], Result]
) -> Result:
    """Run a decision on a generation.

    Raises:
        errors.NotFound: there is no such generation.
    """
    before = store.look(generation_id)
    if before is None:
        raise errors.NotFound(f"there is no generation {generation_id}")
    return on(store, before, policy, decide)[0]


def on_attempt(
    store: ports.Store, attempt_id: uuid.UUID, policy: advancing.Policy, decide: Callable[[draft.Draft], Result]
) -> Result:
    """Run a decision on the generation of an attempt.

    Raises:
        errors.NotFound: there is no such attempt.
    """
    before = store.of_attempt(attempt_id)
    if before is None:
        raise errors.NotFound(f"there is no attempt {attempt_id}")
    return on(store, before, policy, decide)[0]


def on_step(
    store: ports.Store, step_id: uuid.UUID, policy: advancing.Policy, decide: Callable[[draft.Draft], Result]
) -> Result:
    """Run a decision on the generation of a step.

    Raises:
        errors.NotFound: there is no such step.
    """
    before = store.of_step(step_id)
    if before is None:
        raise errors.NotFound(f"there is no step {step_id}")
    return on(store, before, policy, decide)[0]
