"""Storing an asset: intent, bytes, publication, settlement — whole or not at all, and harmless to repeat."""

import asyncio
import contextlib
import dataclasses
import hashlib
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator

from reelmesh_kit import clock, errors, ids

from reelmesh_storage import crash_points, ports
from reelmesh_storage.model import asset, leftovers

# A client that sends nothing for this long has gone, whatever its connection says.
CHUNK_TIMEOUT_SECONDS = 60.0
# Writes that may wait for their turn; whoever comes after them is told to come back.
WAITING_WRITES_LIMIT = 64


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one write, and all of them together, may take."""

    asset_bytes: int = asset.SIZE_LIMIT_BYTES
    concurrent_writes: int = 8


class Storing:
    """Stores assets in a bucket, with their index as the record."""

    def __init__(
        self,
        index: ports.Index,
        bucket: ports.Bucket,
        service_clock: clock.Clock,
        service_ids: ids.Ids,
        limits: Limits,
        logger: logging.Logger,
    ) -> None:
        """Wire the ports."""
        self._index = index
        self._bucket = bucket
        self._clock = service_clock
        self._ids = service_ids
        self._limits = limits
        self._logger = logger
        self._turns = asyncio.Semaphore(limits.concurrent_writes)
        self._waiting = 0

    async def store(self, intent: asset.Intent, chunks: AsyncIterator[bytes]) -> asset.Asset:
        """Store bytes; the same id with the same bytes again returns the asset that is there.

        Args:
            intent: what they are; their size and hash, if known, are checked before anything is published.
            chunks: the bytes; an error from it means that they are not complete, and nothing is stored.

        Raises:
            errors.InvalidArgument: they are empty, or not those that were announced.
            errors.TooLarge: they are more than is allowed.
            errors.WrongState: there are other bytes under this id.
            errors.StorageFull: there is no room.
            errors.Unavailable: the bucket, the database or a free turn cannot be had.
            errors.DeadlineExceeded: the client sent nothing for too long, or the whole took too long.
        """
        if intent.expected_size_bytes > self._limits.asset_bytes:
            raise self._too_large()
        async with self._turn():
            write_id = self._ids.fresh()
            begun = await self._begin(intent, write_id)
            async with contextlib.aclosing(self._bounded(intent, chunks)) as bounded:
                if isinstance(begun, asset.Asset):
                    return await self._again(intent, begun, bounded)
                return await self._write(intent, begun, bounded)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        if self._waiting >= WAITING_WRITES_LIMIT:
            raise errors.Unavailable("Storage is writing as much as it can. Try again in a moment; nothing was stored.")
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def _begin(self, intent: asset.Intent, write_id: uuid.UUID) -> ports.Begun | asset.Asset:
        try:
            with crash_points.BEGIN:
                return await self._index.begin(intent, write_id)
        except asyncio.CancelledError:
            # The transaction may have gone through all the same.
            await self._give_up(write_id, publishing=False)
            raise

    async def _write(self, intent: asset.Intent, begun: ports.Begun, chunks: AsyncIterator[bytes]) -> asset.Asset:
        publishing = False
        try:
            async with self._bucket.upload(begun.key, intent.content_type) as upload:
                async for chunk in chunks:
                    await upload.write(chunk)
                content = upload.content
                _check_announced(intent, content)
                publishing = True
                crash_points.WRITTEN.passed()
                await upload.publish()
                crash_points.PUBLISHED.passed()
        except BaseException:
            await self._give_up(begun.write_id, publishing)
            raise
        return await self._settle(intent, begun, content)

    async def _settle(self, intent: asset.Intent, begun: ports.Begun, content: asset.Content) -> asset.Asset:
        """Say that the bytes are there. If that fails nobody knows whether it was said, so nothing is removed here:
        the same bytes again find the asset or make it anew, and the sweep takes what did not settle."""
        with crash_points.SETTLE:
            stored = await self._index.settle(intent, begun.write_id, content)
        if stored.write_id == begun.write_id:
            return stored
        # Another write of the same asset was faster. Ours is condemned already.
        await self._remove(begun)
        return await self._same_or_refused(intent, stored, content)

    async def _again(self, intent: asset.Intent, stored: asset.Asset, chunks: AsyncIterator[bytes]) -> asset.Asset:
        digest = hashlib.sha256()
        size_bytes = 0
        async for chunk in chunks:
            digest.update(chunk)
            size_bytes += len(chunk)
        content = asset.Content(size_bytes, digest.hexdigest())
        _check_announced(intent, content)
        return await self._same_or_refused(intent, stored, content)

    async def _same_or_refused(self, intent: asset.Intent, stored: asset.Asset, content: asset.Content) -> asset.Asset:
        if not asset.same(stored, intent, content):
            raise errors.WrongState(
                "There is another asset under this id: other bytes, another owner or another kind. Use a new id.",
                asset_id=intent.asset_id,
            )
        with crash_points.PROLONG:
            return await self._index.prolong(intent)

    async def _bounded(self, intent: asset.Intent, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """Yield the chunks, but not more, not later and not slower than allowed."""
        began = self._clock.elapsed()
        most = intent.expected_size_bytes or self._limits.asset_bytes
        size_bytes = 0
        while True:
            try:
                chunk = await self._clock.wait_for(anext(chunks), CHUNK_TIMEOUT_SECONDS)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise errors.DeadlineExceeded(f"No bytes came for {CHUNK_TIMEOUT_SECONDS:.0f} s.") from None
            size_bytes += len(chunk)
            if size_bytes > most:
                raise _not_announced_size(intent) if intent.expected_size_bytes else self._too_large()
            if self._clock.elapsed() - began > leftovers.WRITE_LIMIT.total_seconds():
                raise errors.DeadlineExceeded(f"Storing one asset may take {leftovers.WRITE_LIMIT}.")
            yield chunk

    async def _give_up(self, write_id: uuid.UUID, publishing: bool) -> None:
        """Undo the intent. If that is impossible now, the sweep finds it later."""
        try:
            if publishing:
                with crash_points.CONDEMN_WRITE:
                    await self._index.condemn_write(write_id)
            else:
                with crash_points.FORGET:
                    await self._index.forget(write_id)
        except errors.ReelmeshError as error:
            self._logger.warning("A write that failed is left to the sweep: %s", error, extra={"write": str(write_id)})

    async def _remove(self, begun: ports.Begun) -> None:
        try:
            await self._bucket.delete(begun.key)
            crash_points.TWIN_DELETED.passed()
            with crash_points.TWIN_REMOVED:
                await self._index.removed([begun.write_id])
        except errors.ReelmeshError as error:
            self._logger.warning(
                "Bytes that were stored twice are left to the sweep: %s", error, extra={"write": str(begun.write_id)}
            )

    def _too_large(self) -> errors.TooLarge:
        limit = self._limits.asset_bytes
        return errors.TooLarge(f"An asset may have {limit} bytes at most.", limit_bytes=limit)


def _check_announced(intent: asset.Intent, content: asset.Content) -> None:
    if content.size_bytes == 0:
        raise errors.InvalidArgument("chunk", "there are no bytes; an asset is never empty")
    if intent.expected_size_bytes not in (0, content.size_bytes):
        raise _not_announced_size(intent)
    if intent.expected_sha256 not in ("", content.sha256):
        raise errors.InvalidArgument(
            "header.expected_sha256",
            f"the bytes have {content.sha256}: they were changed on their way; send them again",
        )


def _not_announced_size(intent: asset.Intent) -> errors.InvalidArgument:
    return errors.InvalidArgument(
        "header.expected_size_bytes", f"the stream does not have {intent.expected_size_bytes} bytes; send it again"
    )
