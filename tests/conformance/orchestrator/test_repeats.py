"""Calls that are repeated without a key: the record decides whose they are, alone, on both engines, at any replica."""

import dataclasses
import datetime
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import pytest
from reelmesh_kit import clock, errors, ids, sql
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import repeats, request
from reelmesh_orchestrator.usecases import crowding, generations

from tests.support import orchestrator, record

Result = TypeVar("Result")
PICTURE = str(uuid.UUID(int=5))
ASKED = request.Request(prompt="a red kite", output=request.OutputWish(duration_seconds=8.0))
SHA = "ab" * 32
MANY = 30


class Nothing:
    """No progress, and assets that are all there unless they are gone."""

    gone = False

    async def check_references(self, asset_ids: Sequence[str], tenant_id: str) -> None:
        """Find them all, or none."""
        if self.gone and asset_ids:
            raise errors.AssetUnusable

    def percent(self, aggregate: object) -> int:
        return 0


class Replica:
    """An orchestrator on the record."""

    def __init__(self, kept: record.Kept, *, limit: int = 1000, through: Any = None) -> None:
        self.outside = Nothing()
        nothing = cast("Any", self.outside)
        crowded = crowding.Crowding(kept.record, clock.ManualClock(), limit=limit)
        behind = cast("ports.Record", through or kept.record)
        self.verbs = generations.Generations(
            behind, nothing, nothing, ids.RandomIds(), orchestrator.POLICY, crowded, most_open=1000
        )

    async def create(
        self, count: int, *, asked: request.Request = ASKED, tenant_id: str = "tenant", key: str = "key", sha: str = SHA
    ) -> uuid.UUID:
        """Return the generation that an arrival is answered with."""
        created = await self.verbs.create(tenant_id, asked, "", "", repeats.Sending(key, sha, count))
        return created.view.aggregate.generation.id


@pytest.fixture
async def replicas(kept: record.Kept) -> tuple[Replica, Replica]:
    await kept.put_accounts("free")
    await kept.write(lambda store: store.put_card(orchestrator.FREE))
    return Replica(kept), Replica(kept)


async def made(kept: record.Kept) -> int:
    """Return how many generations there are."""
    return await kept.count(tables.GENERATIONS)


@pytest.mark.parametrize("counts", [(0, 1), (1, 0), (1, 2), (2, 0)])
async def test_a_repeat_is_the_same_generation_in_either_order(
    kept: record.Kept, replicas: tuple[Replica, Replica], counts: tuple[int, int]
) -> None:
    one, other = replicas
    assert await one.create(counts[0]) == await other.create(counts[1])
    assert await made(kept) == 1


@pytest.mark.parametrize("round_", range(10))
async def test_a_first_and_its_repeats_at_the_same_moment_are_one(
    kept: record.Kept, replicas: tuple[Replica, Replica], round_: int
) -> None:
    one, other = replicas
    counts = [(round_ + number) % 3 for number in range(3)]
    found = await record.together(
        *(lambda each=each, at=at: at.create(each) for each, at in zip(counts, (one, other, one), strict=True))
    )
    assert len(set(found)) == 1
    assert await made(kept) == 1


async def test_deliberate_creates_at_the_same_moment_stay_as_many_as_they_are(
    kept: record.Kept, replicas: tuple[Replica, Replica]
) -> None:
    found = await record.together(*(lambda at=replicas[number % 2]: at.create(0) for number in range(MANY)))
    assert len(set(found)) == MANY == await made(kept)


async def test_many_calls_each_with_its_repeat_at_once_never_make_more_than_calls(
    kept: record.Kept, replicas: tuple[Replica, Replica]
) -> None:
    found = await record.together(
        *(lambda at=replicas[number % 2], count=number // 2 % 2: at.create(count) for number in range(MANY))
    )
    assert await made(kept) == len(set(found)) <= MANY // 2 + 1


async def test_other_keys_tenants_and_bodies_are_other_calls(
    kept: record.Kept, replicas: tuple[Replica, Replica]
) -> None:
    one, _ = replicas
    found = [
        await one.create(0),
        await one.create(1, key="another"),
        await one.create(1, tenant_id="another"),
        await one.create(1, sha="cd" * 32),
    ]
    assert len(set(found)) == 4 == await made(kept)


async def test_after_ten_minutes_nobody_is_a_repeat(kept: record.Kept, replicas: tuple[Replica, Replica]) -> None:
    one, _ = replicas
    first = await one.create(0)
    await _age(kept, repeats.WINDOW_SECONDS + 1)
    assert await one.create(1) != first


async def test_what_nobody_can_repeat_any_more_is_let_go_of(
    kept: record.Kept, replicas: tuple[Replica, Replica]
) -> None:
    one, _ = replicas
    await one.create(0)
    await one.create(0, sha="cd" * 32)
    await _age(kept, repeats.WINDOW_SECONDS + 1)
    await one.create(0)
    past = datetime.datetime(2000, 1, 1, tzinfo=clock.UTC)
    assert await kept.write(lambda store: store.prune(past, past, 10)) == 1
    assert await kept.count(tables.CALLS) == 1


async def test_a_repeat_is_answered_when_there_is_no_room_and_a_new_call_is_not(kept: record.Kept) -> None:
    await kept.put_accounts("free")
    await kept.write(lambda store: store.put_card(orchestrator.FREE))
    one = Replica(kept, limit=1)
    first = await one.create(0)
    assert await one.create(1) == first
    with pytest.raises(errors.QueueFull):
        await one.create(0)
    assert await made(kept) == 1


@pytest.mark.parametrize("named", [{"reference_asset_ids": (PICTURE,)}, {"first_frame_asset_id": PICTURE}])
async def test_a_repeat_is_answered_when_its_pictures_are_gone(
    kept: record.Kept, replicas: tuple[Replica, Replica], named: dict[str, Any]
) -> None:
    one, _ = replicas
    asked = dataclasses.replace(ASKED, **named)
    first = await one.create(0, asked=asked)
    one.outside.gone = True
    assert await one.create(1, asked=asked) == first
    with pytest.raises(errors.AssetUnusable):
        await one.create(0, asked=asked)


async def test_what_was_refused_is_not_remembered(kept: record.Kept, replicas: tuple[Replica, Replica]) -> None:
    one, _ = replicas
    with pytest.raises(errors.InvalidArgument):
        await one.create(0, asked=dataclasses.replace(ASKED, prompt=""))
    first = await one.create(1)
    assert await one.create(0) == first
    assert await made(kept) == 1


async def test_a_call_that_is_none_is_refused(replicas: tuple[Replica, Replica]) -> None:
    with pytest.raises(errors.InvalidArgument, match="64 hex digits"):
        await replicas[0].create(0, sha="nonsense")


class Doubtful:
    """A record whose commits are all ambiguous once, though each of them happened."""

    def __init__(self, kept: record.Kept) -> None:
        self._record = kept.record
        self.read = kept.record.read

    async def write(self, work: Callable[[ports.Store], Result]) -> Result:
        await self._record.write(work)
        return await self._record.write(work)


async def test_a_first_whose_joining_nobody_knows_about_comes_to_the_same(
    kept: record.Kept, replicas: tuple[Replica, Replica]
) -> None:
    one, _ = replicas
    repeat = await one.create(1)
    assert await Replica(kept, through=Doubtful(kept)).create(0) == repeat
    assert await made(kept) == 1


async def _age(kept: record.Kept, seconds: float) -> None:
    """Make everything that is remembered of calls older."""

    def work(transaction: sql.Transaction) -> None:
        for row in transaction.rows(tables.CALLS.select()):
            past = datetime.timedelta(seconds=seconds)
            twins = [
                {**one, "seen_time": (datetime.datetime.fromisoformat(one["seen_time"]) - past).isoformat()}
                for one in row.twins
            ]
            transaction.execute(
                tables.CALLS.update()
                .where(tables.CALLS.c.id == row.id)
                .values(twins=twins, update_time=row.update_time - past)
            )

    await kept.database.write(work)
