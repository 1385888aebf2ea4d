"""Storing: whole or not at all, harmless to repeat, refused when it is not what was announced, bounded."""

import asyncio
import contextlib
import dataclasses
import datetime
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from typing import TypeVar

import prometheus_client
import pytest
from reelmesh_kit import clock, errors
from reelmesh_storage import metrics, ports
from reelmesh_storage.adapters import counting
from reelmesh_storage.model import asset, leftovers
from reelmesh_storage.usecases import storing

from tests.unit.storage import world as worlds

BODY = b"some bytes"
SHA256 = hashlib.sha256(BODY).hexdigest()
Result = TypeVar("Result")


async def store(world: worlds.World, intent: asset.Intent, *parts: bytes) -> asset.Asset:
    return await world.storing().store(intent, worlds.chunks(*(parts or (BODY,))))


async def test_bytes_are_stored_with_their_hash_and_an_expiry(world: worlds.World) -> None:
    stored = await store(world, worlds.intended(), BODY[:4], b"", BODY[4:])
    assert stored.content == asset.Content(len(BODY), SHA256)
    assert stored.expires_at == world.clock.now() + asset.PROVISIONAL_LIFE
    assert world.files() == {stored.key: BODY}
    await world.assert_tidy()


async def test_the_same_bytes_again_return_the_same_asset(world: worlds.World) -> None:
    intent = worlds.intended()
    first = await store(world, intent)
    assert await store(world, intent, BODY[:1], BODY[1:]) == first
    world.clock.advance(3600)
    assert (await store(world, intent)).expires_at == world.clock.now() + asset.PROVISIONAL_LIFE
    await world.assert_tidy()


async def test_a_kept_asset_stays_kept_when_it_is_stored_again(world: worlds.World) -> None:
    intent = worlds.intended()
    await store(world, intent)
    await world.lives().keep([intent.asset_id])
    assert (await store(world, intent)).expires_at is None


@pytest.mark.parametrize(
    ("change", "body"),
    [({}, b"other byte"), ({}, BODY + b"!"), ({"tenant_id": "acme"}, BODY), ({"kind": asset.Kind.FACE}, BODY)],
)
async def test_another_asset_under_the_same_id_is_refused(
    world: worlds.World, change: dict[str, object], body: bytes
) -> None:
    intent = worlds.intended()
    stored = await store(world, intent)
    with pytest.raises(errors.WrongState, match="another asset"):
        await store(world, dataclasses.replace(intent, **change), body)
    assert world.files() == {stored.key: BODY}
    await world.assert_tidy()


async def test_what_was_announced_and_came_is_stored(world: worlds.World) -> None:
    await store(world, worlds.intended(expected_size_bytes=len(BODY), expected_sha256=SHA256))
    await world.assert_tidy()


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    ("announced", "body", "field"),
    [
        ({"expected_size_bytes": 11}, BODY, "header.expected_size_bytes"),
        ({"expected_size_bytes": 9}, BODY, "header.expected_size_bytes"),
        ({"expected_sha256": "0" * 64}, BODY, "header.expected_sha256"),
        ({}, b"", "chunk"),
    ],
)
async def test_what_was_not_announced_is_refused_and_leaves_nothing(
    world: worlds.World, announced: dict[str, object], body: bytes, field: str, again: bool
) -> None:
    intent = worlds.intended()
    before = [await store(world, intent)] if again else []
    with pytest.raises(errors.InvalidArgument) as refusal:
        await store(world, dataclasses.replace(intent, **announced), body)
    assert refusal.value.field == field
    assert list(world.files()) == [stored.key for stored in before]
    assert len(await world.rows()) == len(before)
    await world.assert_tidy()


async def test_too_many_bytes_are_refused_before_and_while_they_come(world: worlds.World) -> None:
    use_case = world.storing(storing.Limits(asset_bytes=10))
    await use_case.store(worlds.intended(), worlds.chunks(b"1234567890"))
    with pytest.raises(errors.TooLarge) as refusal:
        await use_case.store(worlds.intended(), worlds.chunks(b"12345", b"67890", b"1"))
    assert refusal.value.metadata == {"limit_bytes": "10"}
    with pytest.raises(errors.TooLarge):
        await use_case.store(worlds.intended(expected_size_bytes=11), never())
    assert len(world.files()) == 1
    await world.assert_tidy()


async def test_an_upload_that_breaks_off_leaves_nothing(world: worlds.World) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield BODY
        raise errors.InvalidArgument("chunk", "is missing")

    with pytest.raises(errors.InvalidArgument):
        await world.storing().store(worlds.intended(), broken())
    assert await world.rows() == {}
    await world.assert_tidy()


async def test_a_cancelled_upload_leaves_nothing(world: worlds.World) -> None:
    began = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield BODY
        began.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(world.storing().store(worlds.intended(), endless()))
    await began.wait()
    assert len(world.temporary_files()) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await world.rows() == {}
    await world.assert_tidy()


async def test_cancelled_at_any_moment_it_leaves_at_most_what_the_sweep_takes(world: worlds.World) -> None:
    for turns in range(0, 60, 3):
        task = asyncio.create_task(store(world, worlds.intended(), *[BODY] * 5))
        for _ in range(turns):
            await asyncio.sleep(0.0002)  # noqa: TID251 - lets threads get somewhere
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert world.temporary_files() == []
    await world.sweep_over_days()
    await world.assert_tidy()


class ImpatientClock(clock.ManualClock):
    """A clock on which every wait is too long."""

    async def wait_for(self, awaitable: Awaitable[Result], timeout_seconds: float) -> Result:
        task = asyncio.ensure_future(awaitable)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise TimeoutError


async def test_a_client_that_sends_nothing_is_given_up(world: worlds.World) -> None:
    with pytest.raises(errors.DeadlineExceeded, match="No bytes came for 60 s"):
        await world.storing(time=ImpatientClock()).store(worlds.intended(), never())
    assert await world.rows() == {}


async def test_a_client_that_takes_for_ever_is_given_up(world: worlds.World) -> None:
    async def slow() -> AsyncIterator[bytes]:
        while True:
            world.clock.advance(59)
            yield b"."

    with pytest.raises(errors.DeadlineExceeded, match="may take 1:00:00"):
        await world.storing().store(worlds.intended(), slow())
    assert await world.rows() == {}


async def test_of_two_writers_of_the_same_bytes_both_are_content(world: worlds.World) -> None:
    intent = worlds.intended()
    first, second = await asyncio.gather(store(world, intent), store(world, intent))
    assert first.write_id == second.write_id
    assert list(world.files().values()) == [BODY]
    await world.assert_tidy()


async def test_of_two_writers_of_other_bytes_one_is_refused(world: worlds.World) -> None:
    intent = worlds.intended()
    results = await asyncio.gather(
        store(world, intent, b"first"), store(world, intent, b"second"), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, errors.WrongState)]
    (stored,) = [result for result in results if isinstance(result, asset.Asset)]
    assert len(refused) == 1
    assert world.files() == {stored.key: b"first" if stored.content.size_bytes == 5 else b"second"}
    await world.assert_tidy()


async def test_a_write_that_was_swept_meanwhile_stores_nothing(world: worlds.World) -> None:
    async def overtaken() -> AsyncIterator[bytes]:
        yield BODY
        world.clock.advance(leftovers.STALE_WRITE.total_seconds())
        await world.sweeping().sweep()

    frozen = clock.ManualClock()  # a process that was frozen counts no time
    with pytest.raises(errors.Unavailable, match="given up"):
        await world.storing(time=frozen).store(worlds.intended(), overtaken())
    world.clock.advance((leftovers.TOMBSTONE_LIFE + datetime.timedelta(1)).total_seconds())
    await world.sweep_over_days()
    assert world.files() == {}
    await world.assert_tidy()


async def test_writes_take_turns_and_too_many_are_told_to_come_back(world: worlds.World) -> None:
    use_case = world.storing(storing.Limits(concurrent_writes=2))
    begun: asyncio.Queue[None] = asyncio.Queue()
    go = asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        begun.put_nowait(None)
        await go.wait()
        yield BODY

    tasks = [
        asyncio.create_task(use_case.store(worlds.intended(), waiting()))
        for _ in range(2 + storing.WAITING_WRITES_LIMIT)
    ]
    await begun.get()
    await begun.get()
    with pytest.raises(errors.Unavailable, match="as much as it can"):
        await use_case.store(worlds.intended(), never())
    assert begun.empty()
    go.set()
    assert len(await asyncio.gather(*tasks)) == len(tasks) == len(world.files())
    await store(world, worlds.intended())


async def never() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def test_bytes_that_may_have_appeared_are_taken_away_by_the_sweep_and_their_key_waits(
    world: worlds.World,
) -> None:
    intent = worlds.intended()
    use_case = storing.Storing(
        world.index, UnsureBucket(world.bucket), world.clock, worlds.FRESH, storing.Limits(), worlds.LOGGER
    )
    with pytest.raises(errors.Unavailable, match="nobody knows"):
        await use_case.store(intent, worlds.chunks(BODY))
    assert list((await world.rows()).values()) == ["REMOVING"]
    assert list(world.files().values()) == [BODY]
    again = await store(world, intent)
    await world.sweeping().sweep()
    assert world.files() == {again.key: BODY}
    await world.assert_tidy()


class UnsureBucket(counting.CountedBucket):
    """A bucket whose answers to publications get lost."""

    def __init__(self, bucket: ports.Bucket) -> None:
        super().__init__(bucket, metrics.Metrics(prometheus_client.CollectorRegistry()))

    @contextlib.asynccontextmanager
    async def upload(self, key: str, content_type: str) -> AsyncGenerator[ports.Upload]:
        async with super().upload(key, content_type) as upload:
            yield UnsureUpload(upload)


class UnsureUpload:
    """Publishes, and does not know it."""

    def __init__(self, upload: ports.Upload) -> None:
        self._upload = upload

    @property
    def content(self) -> asset.Content:
        return self._upload.content

    async def write(self, chunk: bytes) -> None:
        await self._upload.write(chunk)

    async def publish(self) -> None:
        await self._upload.publish()
        raise errors.Unavailable("the answer was lost: nobody knows")
