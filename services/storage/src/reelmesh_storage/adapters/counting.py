"""Counts the bytes that pass through any bucket."""

import contextlib
import datetime
from collections.abc import AsyncGenerator, Sequence

import prometheus_client

from reelmesh_storage import metrics, ports
from reelmesh_storage.model import asset, leftovers


class CountedBucket:
    """A bucket whose bytes are counted."""

    def __init__(self, bucket: ports.Bucket, own: metrics.Metrics) -> None:
        """Count around `bucket`."""
        self._bucket = bucket
        self._metrics = own
        self._in = own.bytes.labels("in")
        self._out = own.bytes.labels("out")

    @contextlib.asynccontextmanager
    async def upload(self, key: str, content_type: str) -> AsyncGenerator[ports.Upload]:
        """Count what is written."""
        async with self._bucket.upload(key, content_type) as upload:
            yield _CountedUpload(upload, self._in, self._metrics.published)

    async def read(self, key: str, offset: int, length: int) -> AsyncGenerator[bytes]:
        """Count what is read."""
        async with contextlib.aclosing(self._bucket.read(key, offset, length)) as chunks:
            async for chunk in chunks:
                self._out.inc(len(chunk))
                yield chunk

    async def delete(self, key: str) -> None:
        """Ask the bucket."""
        await self._bucket.delete(key)

    async def list(self, after: str, limit: int) -> Sequence[leftovers.Listed]:
        """Ask the bucket."""
        return await self._bucket.list(after, limit)

    async def discard_uploads(self, before: datetime.datetime) -> int:
        """Ask the bucket."""
        return await self._bucket.discard_uploads(before)

    async def sign(self, key: str, validity: datetime.timedelta) -> str | None:
        """Ask the bucket."""
        return await self._bucket.sign(key, validity)

    async def check(self) -> None:
        """Ask the bucket."""
        await self._bucket.check()


class _CountedUpload:
    def __init__(
        self, upload: ports.Upload, written: prometheus_client.Counter, published: prometheus_client.Counter
    ) -> None:
        self._upload = upload
        self._written = written
        self._published = published

    @property
    def content(self) -> asset.Content:
        return self._upload.content

    async def write(self, chunk: bytes) -> None:
        await self._upload.write(chunk)
        self._written.inc(len(chunk))

    async def publish(self) -> None:
        await self._upload.publish()
        self._published.inc()
