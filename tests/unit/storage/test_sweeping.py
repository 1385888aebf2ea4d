"""Sweeping: what is over goes, what lives stays, and trouble with one thing keeps no other from going."""

import asyncio
import contextlib
import datetime
import logging
import os
import pathlib
from typing import cast

import prometheus_client
import pytest
from reelmesh_kit import errors, ids
from reelmesh_storage import metrics, ports
from reelmesh_storage.model import asset, leftovers
from reelmesh_storage.usecases import sweeping

from tests.unit.storage import world as worlds

SECOND = datetime.timedelta(seconds=1)
FRESH = ids.RandomIds()


def put_orphan(world: worlds.World, key: str, age: datetime.timedelta) -> pathlib.Path:
    path = world.folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"orphan")
    modified = (world.clock.now() - age).timestamp()
    os.utime(path, (modified, modified))
    return path


def orphan_key() -> str:
    return f"faces/ada/{FRESH.fresh()}.jpg"


async def test_references_are_swept_a_day_after_they_came(world: worlds.World) -> None:
    intent = worlds.intended(kind=asset.Kind.REFERENCE)
    await world.storing().store(intent, worlds.chunks(b"image"))
    world.clock.advance(24 * 3600 - 1)
    assert (await world.sweeping().sweep()).removed == 0
    world.clock.advance(1)
    swept = await world.sweeping().sweep()
    assert dict(swept.condemned) == {(leftovers.Reason.EXPIRED, asset.Kind.REFERENCE): 1}
    assert swept.removed == 1
    assert world.files() == {}
    assert not (world.folder / "references").exists(), "no empty folders stay behind"


async def test_more_than_a_batch_goes_in_one_sweep(world: worlds.World) -> None:
    count = sweeping.BATCH_ROWS + 5
    for _ in range(count):
        await world.storing().store(worlds.intended(life=SECOND), worlds.chunks(b"x"))
    world.clock.advance(1)
    swept = await world.sweeping().sweep()
    assert (swept.removed, swept.failed) == (count, 0)
    assert world.files() == {}
    world.clock.advance(leftovers.TOMBSTONE_LIFE.total_seconds())
    await world.sweeping().sweep()
    assert await world.rows() == {}


async def test_two_sweeps_side_by_side_do_no_harm(world: worlds.World) -> None:
    kept = await world.storing().store(worlds.intended(), worlds.chunks(b"kept"))
    await world.lives().keep([kept.id])
    for _ in range(30):
        await world.storing().store(worlds.intended(life=SECOND), worlds.chunks(b"x"))
    put_orphan(world, orphan_key(), leftovers.ORPHAN_GRACE)
    world.clock.advance(1)
    await asyncio.gather(*(world.sweeping().sweep() for _ in range(3)))
    assert list(world.files()) == [kept.key]
    await world.assert_tidy()


async def test_bytes_without_a_row_go_when_they_are_old_and_ours(world: worlds.World) -> None:
    put_orphan(world, orphan_key(), leftovers.ORPHAN_GRACE + SECOND)
    young = put_orphan(world, orphan_key(), leftovers.ORPHAN_GRACE - 60 * SECOND)
    foreign = put_orphan(world, "faces/ada/portrait.jpg", leftovers.ORPHAN_GRACE * 100)
    swept = await world.sweeping().sweep()
    assert dict(swept.condemned) == {(leftovers.Reason.ORPHANED, asset.Kind.FACE): 1}
    assert set(world.files()) == {path.relative_to(world.folder).as_posix() for path in (young, foreign)}


async def test_a_lost_index_is_shouted_about_and_nothing_goes(
    world: worlds.World, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(leftovers.TOLERATED_ORPHANS + 1):
        put_orphan(world, orphan_key(), leftovers.ORPHAN_GRACE * 2)
    swept = await world.sweeping().sweep()
    assert swept.alarming
    assert len(world.files()) == leftovers.TOLERATED_ORPHANS + 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "restore the index" in caplog.text


async def test_large_buckets_are_looked_through_page_by_page_over_several_sweeps(world: worlds.World) -> None:
    kept = [await world.storing().store(worlds.intended(), worlds.chunks(b"kept")) for _ in range(9)]
    await world.lives().keep([each.id for each in kept])
    for _ in range(4):
        put_orphan(world, orphan_key(), leftovers.ORPHAN_GRACE * 2)
    pages = sweeping.Pages(objects=3, limit=2)
    use_case = sweeping.Sweeping(world.sweep_index, world.bucket, world.clock, FRESH, worlds.LOGGER, pages)
    left: list[int] = []
    for _ in range(3):
        await use_case.sweep()
        left.append(len(world.files()))
    # Orphans sort behind the clips: the first sweep sees clips only, the second one the rest of the first 12 …
    assert left == [13, 10, 9]
    assert set(world.files()) == {each.key for each in kept}


async def test_bytes_that_cannot_be_removed_keep_no_others_from_it(world: worlds.World) -> None:
    stubborn = await world.storing().store(worlds.intended(life=SECOND), worlds.chunks(b"x"))
    other = await world.storing().store(worlds.intended(life=SECOND), worlds.chunks(b"x"))
    world.clock.advance(1)
    bucket = cast("ports.Bucket", StubbornBucket(world.bucket, stubborn.key))
    use_case = sweeping.Sweeping(world.sweep_index, bucket, world.clock, FRESH, worlds.LOGGER)
    swept = await use_case.sweep()
    assert (swept.removed, swept.failed) == (1, 1)
    assert list(world.files()) == [stubborn.key]
    assert other.key not in world.files()
    swept = await world.sweeping().sweep()
    assert (swept.removed, swept.failed) == (1, 0)
    await world.assert_tidy()


async def test_it_sweeps_again_and_again_and_tells_each_time(world: worlds.World) -> None:
    told: list[leftovers.Swept] = []
    enough = asyncio.Event()

    def note(swept: leftovers.Swept) -> None:
        told.append(swept)
        if len(told) == 3:
            enough.set()

    began = world.clock.elapsed()
    running = asyncio.create_task(world.sweeping().run(300.0, note))
    await enough.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert world.clock.elapsed() - began >= 600.0


def test_what_was_swept_is_counted() -> None:
    registry = prometheus_client.CollectorRegistry()
    counted = metrics.Metrics(registry)
    swept = leftovers.Swept(removed=3, failed=1, alarming=True)
    swept.condemned[leftovers.Reason.EXPIRED, asset.Kind.CLIP] = 2
    counted.note_sweep(swept)
    assert registry.get_sample_value("storage_swept_total", {"kind": "CLIP", "reason": "expired"}) == 2
    assert registry.get_sample_value("storage_removed_total") == 3
    assert registry.get_sample_value("storage_removal_failures_total") == 1
    assert registry.get_sample_value("storage_index_doubtful") == 1
    counted.note_sweep(leftovers.Swept())
    assert registry.get_sample_value("storage_index_doubtful") == 0


class OddBucket:
    """The world's bucket with one thing changed: what the sweep asks of it goes through here."""

    def __init__(self, bucket: ports.Bucket) -> None:
        self._bucket = bucket

    def __getattr__(self, name: str) -> object:
        return getattr(self._bucket, name)


class StubbornBucket(OddBucket):
    """A bucket that cannot remove one key."""

    def __init__(self, bucket: ports.Bucket, key: str) -> None:
        super().__init__(bucket)
        self._key = key

    async def delete(self, key: str) -> None:
        if key == self._key:
            raise errors.Unavailable("not now")
        await self._bucket.delete(key)


async def test_old_assets_are_neither_orphans_nor_an_alarm(world: worlds.World) -> None:
    kept = [
        await world.storing().store(worlds.intended(), worlds.chunks(b"kept"))
        for _ in range(leftovers.TOLERATED_ORPHANS + 2)
    ]
    await world.lives().keep([each.id for each in kept])
    world.clock.advance(10 * leftovers.ORPHAN_GRACE.total_seconds())
    swept = await world.sweeping().sweep()
    assert (swept.alarming, swept.removed, dict(swept.condemned)) == (False, 0, {})
    assert set(world.files()) == {each.key for each in kept}
