"""Lists: newest first, filtered, and complete while more comes in."""

import datetime

import pytest
from reelmesh_kit import errors
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import draft, generation, verbs

from tests.support import orchestrator, record

TENANT = ports.Filter("tenant")


def number_of(aggregate: draft.Aggregate) -> int:
    return aggregate.generation.id.int - 1


async def pages(kept: record.Kept, wanted: ports.Filter, size: int) -> list[int]:
    """Read a whole list page by page, admitting one more generation between each two."""
    seen: list[int] = []
    place: ports.Place | None = None
    fresh = 1000
    while True:
        found = await kept.read(lambda store, after=place: store.page(wanted, after, size))
        seen += [number_of(one) for one in found]
        if len(found) < size:
            return seen
        last = found[-1].generation
        place = ports.Place(last.create_time, last.id)
        await kept.admit(fresh)
        fresh += 1


async def test_pages_have_neither_duplicates_nor_gaps_while_more_is_admitted(kept: record.Kept) -> None:
    moment = orchestrator.NOW
    for number in range(25):
        # Groups of five were admitted in the very same moment.
        await kept.admit(number, now=moment + datetime.timedelta(seconds=number // 5))
    seen = await pages(kept, TENANT, 4)
    assert [number for number in seen if number < 1000] == list(range(24, -1, -1))
    assert len(seen) == len(set(seen))


async def test_lists_are_filtered_by_tenant_user_state_and_labels(kept: record.Kept) -> None:
    await kept.admit(1, user_id="eve", labels={"team": "blue", "kind": "ad"})
    await kept.admit(2, user_id="bob", labels={"team": "blue"})
    await kept.admit(3, user_id="eve", labels={"team": "red"})
    await kept.admit(4, tenant_id="stranger", user_id="eve", labels={"team": "blue"})
    await kept.decide(2, lambda going: verbs.cancel(going, orchestrator.POLICY))

    async def listed(**wanted: object) -> set[int]:
        query = ports.Filter("tenant", **wanted)  # type: ignore[arg-type]
        return {number_of(one) for one in await kept.read(lambda store: store.page(query, None, 10))}

    assert await listed() == {1, 2, 3}
    assert await listed(user_id="eve") == {1, 3}
    assert await listed(labels={"team": "blue"}) == {1, 2}
    assert await listed(labels={"team": "blue", "kind": "ad"}) == {1}
    assert await listed(labels={"team": "ad"}) == set()
    assert await listed(states=(generation.GenerationState.CANCELLED,)) == {2}
    assert await listed(states=(generation.GenerationState.QUEUED,), user_id="eve") == {1, 3}


async def test_a_list_shows_the_money_of_each(kept: record.Kept) -> None:
    made = await kept.admit(1)
    (listed,) = await kept.read(lambda store: store.page(TENANT, None, 10))
    assert listed.generation == made.generation
    assert listed.held_micros == made.held_micros > 0


async def test_what_has_ended_is_not_counted_as_open(kept: record.Kept) -> None:
    await kept.admit(1)
    await kept.admit(2)
    await kept.admit(3, tenant_id="stranger")
    await kept.decide(1, lambda going: verbs.cancel(going, orchestrator.POLICY))

    async def open_of(tenant_id: str) -> int:
        found = await kept.read(lambda store: store.admission(tenant_id, record.identifier(1)))
        return found.open_generations

    assert [await open_of(tenant_id) for tenant_id in ("tenant", "stranger", "nobody")] == [1, 1, 0]


async def test_the_place_in_the_queue_follows_rank(kept: record.Kept) -> None:
    first = await kept.admit(1, now=orchestrator.NOW)
    second = await kept.admit(2, now=orchestrator.NOW + datetime.timedelta(seconds=30))
    ahead = await kept.admit(3, now=orchestrator.NOW + datetime.timedelta(seconds=60), priority=10)

    async def place(of: draft.Aggregate) -> int:
        return await kept.read(lambda store: store.queue_position(of))

    assert [await place(one) for one in (ahead, first, second)] == [1, 2, 3]
    await kept.advance_to(3, "dispatched")
    assert await place(await kept.look(3)) == 0
    assert [await place(one) for one in (first, second)] == [1, 2]


async def test_a_list_may_begin_with_the_oldest(kept: record.Kept) -> None:
    for number in range(7):
        await kept.admit(number, now=orchestrator.NOW + datetime.timedelta(seconds=number // 3))
    assert (await pages(kept, ports.Filter("tenant", oldest_first=True), 3))[:7] == list(range(7))


async def test_a_list_begins_behind_one_that_was_deleted_too(kept: record.Kept) -> None:
    verbs_of = record.generations_of(kept)
    for number in range(4):
        await kept.admit(number, now=orchestrator.NOW + datetime.timedelta(seconds=number))
    await _delete(kept, 2)
    place = await verbs_of.place_of("tenant", record.identifier(2))
    found = await kept.read(lambda store: store.page(TENANT, place, 10))
    assert [number_of(one) for one in found] == [1, 0]
    assert await verbs_of.place_of("stranger", record.identifier(2)) is None
    assert await verbs_of.place_of("tenant", record.identifier(9)) is None


async def test_who_has_not_ended_is_not_deleted_and_who_is_deleted_is_found_by_nobody(kept: record.Kept) -> None:
    verbs_of = record.generations_of(kept)
    await kept.admit(1)
    with pytest.raises(errors.WrongState, match="cancel it first"):
        await verbs_of.delete("tenant", record.identifier(1))
    with pytest.raises(errors.NotFound):
        await verbs_of.delete("stranger", record.identifier(1))
    await _delete(kept, 1)
    assert await kept.read(lambda store: store.page(TENANT, None, 10)) == []
    for verb in (
        lambda: verbs_of.get("tenant", record.identifier(1)),
        lambda: verbs_of.delete("tenant", record.identifier(1)),
        lambda: verbs_of.retry("tenant", record.identifier(1)),
        lambda: verbs_of.cancel("tenant", record.identifier(1)),
        lambda: verbs_of.events("tenant", record.identifier(1), 0, 10),
    ):
        with pytest.raises(errors.NotFound):
            await verb()
    # What it did and cost stays on the books.
    assert (await kept.look(1)).generation.delete_time is not None


async def _delete(kept: record.Kept, number: int) -> None:
    await kept.decide(number, lambda going: verbs.cancel(going, orchestrator.POLICY))
    await record.generations_of(kept).delete("tenant", record.identifier(number))
