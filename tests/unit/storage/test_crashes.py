"""Killed at any step, what is left is whole: no row without its bytes, and nothing that no sweep takes away."""

import contextlib
import datetime
import os
import uuid

import pytest
from reelmesh_kit import errors
from reelmesh_storage.model import asset, leftovers

from tests.unit.storage import world as worlds

BODY = (b"one ", b"two ", b"three")
WHOLE = b"".join(BODY)
LONG_LIFE = datetime.timedelta(days=300)
# More than any of these verbs needs; a test that gets here without the verb's end is broken.
MOST_STEPS = 100


@pytest.mark.parametrize("retried", [True, False])
async def test_storing(world: worlds.World, retried: bool) -> None:
    ended = False
    for steps in range(MOST_STEPS):
        intent = worlds.intended(life=LONG_LIFE)
        try:
            await world.storing(fate=worlds.Fate(steps)).store(intent, worlds.chunks(*BODY))
            ended = True
        except worlds.Killed:
            pass
        if retried or ended:
            again = await world.storing().store(intent, worlds.chunks(WHOLE))
            assert again.content.size_bytes == len(WHOLE)
        await world.sweep_over_days()
        await world.assert_tidy()
        if retried or ended:
            _, found = await world.serving().read(intent.asset_id, "default", 0, 0)
            assert b"".join([chunk async for chunk in found]) == WHOLE
        if ended:
            assert steps >= 12
            return
    pytest.fail(f"storing does not end within {MOST_STEPS} steps")


async def test_removing(world: worlds.World) -> None:
    ended = False
    for steps in range(MOST_STEPS):
        intent = worlds.intended(life=LONG_LIFE)
        stored = await world.storing().store(intent, worlds.chunks(WHOLE))
        try:
            await world.lives(fate=worlds.Fate(steps)).remove(intent.asset_id, "default")
            ended = True
        except worlds.Killed:
            pass
        with contextlib.suppress(errors.NotFound):
            # Still there, or gone: never something in between.
            _, found = await world.serving().read(intent.asset_id, "default", 0, 0)
            assert b"".join([chunk async for chunk in found]) == WHOLE
        await world.lives().remove(intent.asset_id, "default")
        assert stored.key not in world.files()
        await world.assert_tidy()
        if ended:
            return
    pytest.fail(f"removing does not end within {MOST_STEPS} steps")


async def test_a_removal_that_died_is_finished_by_the_sweep(world: worlds.World) -> None:
    for steps in range(2, 5):
        intent = worlds.intended(life=LONG_LIFE)
        await world.storing().store(intent, worlds.chunks(WHOLE))
        with pytest.raises(worlds.Killed):
            await world.lives(fate=worlds.Fate(steps)).remove(intent.asset_id, "default")
        await world.sweeping().sweep()
        await world.assert_tidy()
        with pytest.raises(errors.NotFound):
            await world.serving().stat(intent.asset_id, "")


async def test_sweeping(world: worlds.World) -> None:
    living = worlds.intended(life=LONG_LIFE)
    await world.storing().store(living, worlds.chunks(b"living"))
    ended = False
    for steps in range(MOST_STEPS):
        await make_a_mess(world)
        try:
            await world.sweeping(fate=worlds.Fate(steps)).sweep()
            ended = True
        except worlds.Killed:
            pass
        assert (await world.serving().stat(living.asset_id, "")).content.size_bytes == 6
        await world.sweeping().sweep()
        await world.assert_tidy()
        assert list(world.files().values()) == [b"living"]
        if ended:
            assert steps >= 20
            return
    pytest.fail(f"sweeping does not end within {MOST_STEPS} steps")


async def make_a_mess(world: worlds.World) -> None:
    """Leave what expired, what died half-way, bytes without a row and a temporary file, all of them due."""
    expired = worlds.intended(life=datetime.timedelta(seconds=1))
    await world.storing().store(expired, worlds.chunks(b"expired"))
    for steps in (7, 13):
        with pytest.raises(worlds.Killed):
            await world.storing(fate=worlds.Fate(steps)).store(worlds.intended(), worlds.chunks(*BODY))
    orphan = world.folder / "faces" / "ada" / f"{uuid.uuid4()}.jpg"  # noqa: TID251
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"orphan")
    long_ago = (world.clock.now() - leftovers.ORPHAN_GRACE).timestamp()
    for path in [orphan, *world.temporary_files()]:
        os.utime(path, (long_ago, long_ago))
    world.clock.advance(leftovers.STALE_WRITE.total_seconds())
    states = set((await world.rows()).values())
    assert {asset.State.WRITING.value, asset.State.STORED.value} <= states
    assert world.temporary_files() != []
