"""The attempt protocol pays once in every interleaving, and each rule left out gives a trace that pays twice."""

import dataclasses
import uuid
from collections.abc import Sequence

import pytest
from reelmesh_orchestrator.model import attempt, draft, facts, recovering

from tests.support import interleaved, interleavings

RULES = interleaved.Rules()
# The wait is longer than window, creation and listing together: a list that starts then shows whatever was created.
SOUND = interleaved.Physics(horizon=6)
# A vendor that takes longer than its card says: only decisions against what the rows know are violations then.
SLOWER_THAN_PROMISED = interleaved.Physics(wait=2, only_known=True, horizon=4)
# The record may go back; the vendor is quick, so that what comes after is within the horizon.
SETBACK = interleaved.Physics(creation=0, listing=0, wait=2, census=2, setbacks=True, horizon=3)


def refuse_late(
    going: draft.Draft, attempt_id: uuid.UUID, job: facts.Job, worker_id: str, claimed: facts.Job | None
) -> None:
    """Record nothing for an attempt that was concluded: a planted bug."""
    if going.aggregate.attempt(attempt_id).state is not attempt.AttemptState.NEVER_CREATED:
        facts.record(going, attempt_id, job, worker_id, claimed)


def begin_alone(going: draft.Draft, attempt_id: uuid.UUID, worker_id: str, nonce: str) -> facts.Leave:
    """Begin as if the shot had no other attempt: a planted bug."""
    others = tuple(one for one in going.aggregate.attempts if one.id != attempt_id)
    going.aggregate = dataclasses.replace(going.aggregate, attempts=(going.aggregate.attempt(attempt_id),))
    leave = facts.begin(going, attempt_id, worker_id, nonce)
    both = sorted((*others, *going.aggregate.attempts), key=lambda one: one.ordinal)
    going.aggregate = dataclasses.replace(going.aggregate, attempts=tuple(both))
    return leave


def record_alone(
    going: draft.Draft, attempt_id: uuid.UUID, job: facts.Job, worker_id: str, claimed: facts.Job | None
) -> None:
    """Record without withdrawing the successor: a planted bug."""
    others = {one.id: one for one in going.aggregate.attempts if one.id != attempt_id}
    facts.record(going, attempt_id, job, worker_id, claimed)
    kept = tuple(others.get(one.id, one) for one in going.aggregate.attempts)
    going.aggregate = dataclasses.replace(going.aggregate, attempts=kept)


def conclude_unfenced(going: draft.Draft, attempt_id: uuid.UUID, revision: int, message: str) -> bool:
    """Conclude from what the finder read, whatever happened since: a planted bug."""
    one = going.aggregate.attempt(attempt_id)
    going.put_attempt(dataclasses.replace(one, state=attempt.AttemptState.INDETERMINATE))
    return facts.conclude(going, attempt_id, going.generation.revision, message)


def begin_for_anybody(going: draft.Draft, attempt_id: uuid.UUID, worker_id: str, nonce: str) -> facts.Leave:
    """Give the same leave to every nonce: a planted bug."""
    one = going.aggregate.attempt(attempt_id)
    submitting = one.state is attempt.AttemptState.SUBMITTING
    return facts.begin(going, attempt_id, worker_id, one.nonce if submitting else nonce)


def reconcile_what_is_known(going: draft.Draft, found: Sequence[recovering.Found]) -> None:
    """Give jobs to attempts that have a row, and to none that may have followed: a planted bug."""
    known = {one.id for one in going.aggregate.attempts}
    recovering.reconcile(going, [one for one in found if one.attempt_id in known])


@pytest.mark.parametrize(
    "physics",
    [
        pytest.param(SOUND, id="the rules"),
        pytest.param(dataclasses.replace(SETBACK, horizon=4), id="the record goes back"),
        pytest.param(dataclasses.replace(SOUND, refusals=True, withdrawals=True, horizon=4), id="refused, withdrawn"),
        pytest.param(dataclasses.replace(SOUND, cancels=True, horizon=4), id="cancelled"),
        pytest.param(SLOWER_THAN_PROMISED, id="a vendor slower than promised"),
    ],
)
def test_no_interleaving_pays_twice(physics: interleaved.Physics) -> None:
    found = interleavings.Exploration(physics).run()
    assert not found.violation, str(found)
    reached = {state for _, state in found.reached}
    assert {attempt.AttemptState.ACCEPTED, attempt.AttemptState.NOT_SENT} <= reached
    assert (interleavings.SECOND, attempt.AttemptState.SUBMITTING) in found.reached


@pytest.mark.parametrize(
    ("physics", "rules", "violation"),
    [
        pytest.param(
            dataclasses.replace(SOUND, wait=SOUND.wait - 1),
            RULES,
            "two paid jobs for one shot",
            id="wait one tick short",
        ),
        pytest.param(
            dataclasses.replace(SOUND, anchor="reply"), RULES, "two paid jobs for one shot", id="window from the reply"
        ),
        pytest.param(
            SLOWER_THAN_PROMISED,
            dataclasses.replace(RULES, record=refuse_late),
            "paid id thrown away",
            id="late record refused",
        ),
        pytest.param(
            SLOWER_THAN_PROMISED,
            dataclasses.replace(RULES, begin=begin_alone, record=record_alone),
            "submitted although the rows know a live job of the shot",
            id="begin does not look at siblings",
        ),
        pytest.param(
            SLOWER_THAN_PROMISED,
            dataclasses.replace(RULES, conclude=conclude_unfenced),
            "submitted although the rows know a live job of the shot",
            id="conclude without a fence",
        ),
        pytest.param(
            SOUND,
            dataclasses.replace(RULES, begin=begin_for_anybody),
            "attempt 1 submitted twice",
            id="go for any nonce",
        ),
        pytest.param(
            SETBACK,
            dataclasses.replace(RULES, notices=False),
            "two paid jobs for one shot",
            id="nobody notices that the record went back",
        ),
        pytest.param(
            dataclasses.replace(SETBACK, census=SETBACK.census - 1),
            RULES,
            "two paid jobs for one shot",
            id="accounts are read one tick too early",
        ),
        pytest.param(
            dataclasses.replace(SETBACK, horizon=4),
            dataclasses.replace(RULES, reconcile=reconcile_what_is_known),
            "two paid jobs for one shot",
            id="attempts that may have followed are not looked for",
        ),
        pytest.param(
            SETBACK,
            dataclasses.replace(RULES, forgets=False),
            "two paid jobs for one shot",
            id="a finder counts what it saw before the record went back",
        ),
    ],
)
def test_each_rule_left_out_is_found(physics: interleaved.Physics, rules: interleaved.Rules, violation: str) -> None:
    found = interleavings.Exploration(physics, rules).run()
    print(found)
    assert found.violation == violation, str(found)
    assert found.trace


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "physics",
    [
        pytest.param(dataclasses.replace(SOUND, horizon=14), id="the rules"),
        pytest.param(dataclasses.replace(SOUND, freezes=2, horizon=12), id="two freezes"),
        pytest.param(interleaved.Physics(window=2, wait=5, horizon=12), id="a longer window"),
        pytest.param(
            dataclasses.replace(SOUND, refusals=True, withdrawals=True, cancels=True, horizon=9), id="everything"
        ),
        pytest.param(dataclasses.replace(SOUND, setbacks=True, horizon=10), id="the record goes back"),
    ],
)
def test_no_interleaving_pays_twice_up_to_the_full_horizon(
    physics: interleaved.Physics, pytestconfig: pytest.Config
) -> None:
    if "slow" not in str(pytestconfig.getoption("markexpr")):
        pytest.skip("explores for minutes: run with -m slow")
    found = interleavings.Exploration(physics).run()
    assert not found.violation, str(found)
