"""Attempts in doubt at an account of which was said beforehand how long that may last."""

from collections.abc import Mapping, Sequence

from reelmesh_kit import clock
from reelmesh_orchestrator.model import attempt, card, facts
from reelmesh_orchestrator.ports import accounts as listing
from reelmesh_orchestrator.usecases import writing_off

from tests.conformance.orchestrator import test_reconciling
from tests.support import record

DAY = 24 * 3600.0
ACCOUNT = "paid"
State = attempt.AttemptState


class Listed:
    """A list of accounts, in memory."""

    def __init__(self, rules: Mapping[str, listing.WriteOff]) -> None:
        self.rules = rules

    def accounts(self) -> Sequence[card.Account]:
        return ()

    def write_offs(self) -> Mapping[str, listing.WriteOff]:
        return self.rules


def by_itself(
    kept: record.Kept,
    time: clock.ManualClock,
    rules: Mapping[str, listing.WriteOff] | None = None,
    batch: int = writing_off.BATCH,
) -> writing_off.WritingOff:
    listed = Listed({ACCOUNT: listing.WriteOff(DAY)} if rules is None else rules)
    return writing_off.WritingOff(kept.record, record.attempts_of(kept), listed, time, batch=batch)


async def states(kept: record.Kept, number: int) -> list[State]:
    return [one.state for one in (await kept.look(number)).attempts]


async def test_what_is_in_doubt_for_long_enough_as_the_observer_saw_it_is_written_off(kept: record.Kept) -> None:
    (attempt_id,) = await test_reconciling.doubtful(kept, 1)
    time = clock.ManualClock()
    own = by_itself(kept, time)
    await own.once()
    time.advance(DAY - 1)
    await own.once()
    assert await states(kept, 1) == [State.INDETERMINATE]
    # Another observer begins to wait anew, whatever the rows say.
    await by_itself(kept, time).once()
    assert await states(kept, 1) == [State.INDETERMINATE]
    time.advance(1)
    await own.once()
    first, second = (await kept.look(1)).attempts
    assert (first.id, first.state, first.spent_micros) == (attempt_id, State.WRITTEN_OFF, first.price_micros)
    assert second.account_id != first.account_id
    (message,) = await test_reconciling.messages(kept, 1, "attempt_written_off")
    assert message == "Written off as accounts.yaml says of account paid: in doubt for more than 24 hours"


async def test_it_can_be_tried_again_where_it_was(kept: record.Kept) -> None:
    await test_reconciling.doubtful(kept, 1)
    time = clock.ManualClock()
    own = by_itself(kept, time, {ACCOUNT: listing.WriteOff(DAY, resubmit=True)})
    await own.once()
    time.advance(DAY)
    await own.once()
    first, second = (await kept.look(1)).attempts
    assert (second.account_id, second.state) == (first.account_id, State.PLANNED)


async def test_where_nothing_was_said_a_person_decides(kept: record.Kept) -> None:
    await test_reconciling.doubtful(kept, 1)
    time = clock.ManualClock()
    own = by_itself(kept, time, {"another": listing.WriteOff(1.0)})
    for _ in range(3):
        await own.once()
        time.advance(100 * DAY)
    assert await states(kept, 1) == [State.INDETERMINATE]


async def test_what_was_found_meanwhile_is_left_alone_and_every_page_is_looked_at(
    kept: record.Kept,
) -> None:
    found, _, _ = await test_reconciling.doubtful(kept, 1, 2, 3)
    time = clock.ManualClock()
    own = by_itself(kept, time, batch=1)
    await own.once()
    await record.attempts_of(kept).record(facts.Job("", "job", found, facts.Evidence.RECORD), record.WORKER)
    time.advance(DAY)
    await own.once()
    assert await states(kept, 1) == [State.ACCEPTED]
    for number in (2, 3):
        assert (await states(kept, number))[0] is State.WRITTEN_OFF
