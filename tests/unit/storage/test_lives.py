"""Lives: kept for good, or removed at once."""

import asyncio
import uuid

import pytest
from reelmesh_kit import errors
from reelmesh_storage.model import asset
from reelmesh_storage.usecases import lives

from tests.unit.storage import world as worlds


async def stored(world: worlds.World) -> asset.Asset:
    return await world.storing().store(worlds.intended(), worlds.chunks(b"body"))


async def test_kept_assets_survive_any_sweep_and_others_do_not(world: worlds.World) -> None:
    kept, provisional = await stored(world), await stored(world)
    assert await world.lives().keep([kept.id]) == []
    await world.sweep_over_days()
    assert (await world.serving().stat(kept.id, "")).expires_at is None
    with pytest.raises(errors.NotFound):
        await world.serving().stat(provisional.id, "")
    assert list(world.files()) == [kept.key]


async def test_what_expired_or_was_removed_or_never_was_cannot_be_kept(world: worlds.World) -> None:
    expired = await stored(world)
    world.clock.advance(asset.PROVISIONAL_LIFE.total_seconds())
    removed, living = await stored(world), await stored(world)
    await world.lives().remove(removed.id, "")
    wanted = [expired.id, removed.id, living.id, uuid.UUID(int=3)]
    assert list(await world.lives().keep(wanted)) == [expired.id, removed.id, uuid.UUID(int=3)]


async def test_keeping_nothing_is_nothing_and_too_much_is_refused(world: worlds.World) -> None:
    assert list(await world.lives().keep([])) == []
    many = [uuid.UUID(int=number) for number in range(lives.KEEP_LIMIT_ASSETS + 1)]
    assert list(await world.lives().keep(many[1:])) == many[1:]
    with pytest.raises(errors.InvalidArgument, match="asset_ids"):
        await world.lives().keep(many)


async def test_kept_assets_can_be_removed_and_removing_again_is_fine(world: worlds.World) -> None:
    found = await stored(world)
    await world.lives().keep([found.id])
    await asyncio.gather(*(world.lives().remove(found.id, "default") for _ in range(3)))
    await world.lives().remove(found.id, "default")
    assert world.files() == {}
    await world.assert_tidy()


async def test_what_never_was_cannot_be_removed(world: worlds.World) -> None:
    with pytest.raises(errors.NotFound):
        await world.lives().remove(uuid.UUID(int=1), "")


async def test_keeping_and_expiring_race_to_one_of_the_two_ends(world: worlds.World) -> None:
    for _ in range(20):
        found = await stored(world)
        world.clock.advance(asset.PROVISIONAL_LIFE.total_seconds() - 0.5)
        keep = asyncio.create_task(_keep_then_pass_time(world, found.id))
        await asyncio.gather(keep, world.sweeping().sweep())
        missing = keep.result()
        assert (found.key in world.files()) is (found.id not in missing)
    await world.sweeping().sweep()
    await world.assert_tidy()


async def _keep_then_pass_time(world: worlds.World, asset_id: uuid.UUID) -> list[uuid.UUID]:
    keeping = asyncio.create_task(world.lives().keep([asset_id]))
    world.clock.advance(1)
    return list(await keeping)
