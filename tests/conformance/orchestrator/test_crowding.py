"""The generations of all tenants stay within a limit, on both engines, and what is known already is always answered."""

import asyncio
import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any, cast

import pytest
from reelmesh_kit import clock, errors, ids
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import facts, generation, request
from reelmesh_orchestrator.usecases import crowding, generations

from tests.support import orchestrator, record

ASKED = request.Request(prompt="a red kite", output=request.OutputWish(duration_seconds=8.0))


class Nothing:
    """No assets and no progress."""

    async def check_references(self, asset_ids: Sequence[str], tenant_id: str) -> None:
        """Find them all."""

    def percent(self, aggregate: object) -> int:
        return 0


class Readable:
    """A record that is only looked at."""

    def __init__(self, kept: record.Kept) -> None:
        self.read = kept.record.read

    async def write(self, _: object) -> object:
        raise AssertionError("it was written to")


class Orchestrator:
    """What one process knows of the crowd, and the verbs behind it."""

    def __init__(self, kept: record.Kept, limit: int, *, readable: bool = False) -> None:
        self.crowded = crowding.Crowding(kept.record, clock.ManualClock(), limit=limit)
        nothing = cast("Any", Nothing())
        behind = cast("ports.Record", Readable(kept)) if readable else kept.record
        self.verbs = generations.Generations(
            behind, nothing, nothing, ids.RandomIds(), orchestrator.POLICY, self.crowded, most_open=5
        )

    async def create(self, request_id: str, tenant_id: str = "tenant") -> generations.Created:
        return await self.verbs.create(tenant_id, ASKED, request_id, "")


async def mesh(kept: record.Kept, limit: int) -> Orchestrator:
    """Return an orchestrator with one provider."""
    await kept.put_accounts("free")
    await kept.write(lambda store: store.put_card(orchestrator.FREE))
    return Orchestrator(kept, limit)


async def test_more_than_the_limit_of_all_tenants_is_refused_with_a_time_to_come_back(kept: record.Kept) -> None:
    one = await mesh(kept, 2)
    await one.create("a", "first")
    await one.create("b", "second")
    with pytest.raises(errors.QueueFull, match=r"of all tenants as may be \(2\)") as refused:
        await one.create("c", "third")
    assert refused.value.metadata == {"limit": "2", "scope": "mesh"}
    assert refused.value.retry_after is not None
    assert 1 <= refused.value.retry_after.total_seconds() <= 60


async def test_a_repeat_of_what_was_admitted_is_answered_when_there_is_no_room(kept: record.Kept) -> None:
    one = await mesh(kept, 1)
    first = await one.create("a")
    again = await one.create("a")
    assert again.replayed
    assert again.view.aggregate.generation.id == first.view.aggregate.generation.id
    with pytest.raises(errors.QueueFull):
        await one.create("b")
    assert (await one.create("a")).replayed, "a repeat takes no place, before and after a refusal"


async def test_neither_a_refusal_nor_a_repeat_takes_the_writer_of_a_full_mesh(kept: record.Kept) -> None:
    await (await mesh(kept, 1)).create("a")
    full = Orchestrator(kept, 1, readable=True)
    for request_id in ("b", ""):
        with pytest.raises(errors.QueueFull):
            await full.create(request_id)
    assert (await full.create("a")).replayed
    with pytest.raises(errors.IdempotencyKeyReused):
        await full.verbs.create("tenant", dataclasses.replace(ASKED, prompt="a blue kite"), "a", "")


async def test_the_limit_of_the_tenant_is_told_as_its_own(kept: record.Kept) -> None:
    one = await mesh(kept, 100)
    for number in range(5):
        await one.create(str(number))
    with pytest.raises(errors.QueueFull, match="of yours") as refused:
        await one.create("more")
    assert refused.value.metadata == {"limit": "5", "scope": "tenant"}
    await one.create("other", "stranger")


async def test_what_ends_makes_room_with_the_next_count(kept: record.Kept) -> None:
    one = await mesh(kept, 1)
    created = await one.create("a")
    await one.verbs.cancel("tenant", created.view.aggregate.generation.id)
    with pytest.raises(errors.QueueFull):
        await one.create("b")
    await one.crowded.count()
    assert not (await one.create("b")).replayed


async def test_of_many_at_once_as_many_come_in_as_fit(kept: record.Kept) -> None:
    one = await mesh(kept, 3)
    outcomes = await asyncio.gather(
        *(one.create(str(number), f"tenant-{number}") for number in range(10)), return_exceptions=True
    )
    assert sum(isinstance(each, generations.Created) for each in outcomes) == 3
    assert sum(isinstance(each, errors.QueueFull) for each in outcomes) == 7
    assert await kept.read(lambda store: store.open_generations(100)) == 3


async def test_after_a_start_nobody_comes_in_uncounted(kept: record.Kept) -> None:
    await (await mesh(kept, 1)).create("a")
    restarted = Orchestrator(kept, 1)
    with pytest.raises(errors.QueueFull):
        await restarted.create("b")


async def test_what_another_orchestrator_admitted_is_seen_by_the_next_count(kept: record.Kept) -> None:
    one, other = await mesh(kept, 2), Orchestrator(kept, 2)
    await one.create("a")
    await other.create("b")
    await one.crowded.count()
    with pytest.raises(errors.QueueFull):
        await one.create("c")


async def test_a_failed_generation_is_not_started_again_without_room(kept: record.Kept) -> None:
    one = await mesh(kept, 1)
    failed = await kept.admit(1, cards=(orchestrator.FREE,), fallback_floor=orchestrator.VIDEO_FLOOR)
    attempt_id = await kept.advance_to(1, "accepted")
    ended = facts.Ended(f"job {attempt_id}", facts.Outcome.FAILED, "", None, "")
    await kept.decide(1, lambda going: facts.finish(going, attempt_id, ended))
    assert (await kept.look(1)).generation.state is generation.GenerationState.FAILED
    await one.create("a")
    with pytest.raises(errors.QueueFull):
        await one.verbs.retry("tenant", failed.generation.id)
    with pytest.raises(errors.NotFound):
        await one.verbs.retry("tenant", uuid.UUID(int=99))
    assert (await kept.look(1)).generation.state is generation.GenerationState.FAILED


async def test_no_more_are_counted_than_were_asked_about(kept: record.Kept) -> None:
    for number in range(4):
        await kept.admit(number)
    assert [await kept.read(lambda store, most=most: store.open_generations(most)) for most in (1, 3, 9)] == [1, 3, 4]
