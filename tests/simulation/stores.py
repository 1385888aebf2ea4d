"""Storage in the simulation: the real service on a bucket that is a dictionary and outlives every process."""

import contextlib
import dataclasses
import datetime
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence

from reelmesh.mesh.v1 import storage_service_pb2, storage_service_pb2_grpc
from reelmesh_kit import errors, process, rpc, sql
from reelmesh_storage import servicer
from reelmesh_storage.adapters import sql as sql_adapter
from reelmesh_storage.model import asset, leftovers
from reelmesh_storage.usecases import lives, notes, serving, storing, sweeping

from tests.simulation import faults, hosts, loop, network

NAME = "storage"
SWEEP_SECONDS = 60.0
LATENCY_SECONDS = 0.001
_DESCRIPTOR = storage_service_pb2.DESCRIPTOR.services_by_name["StorageService"]


@dataclasses.dataclass
class Blob:
    """Published bytes."""

    content: bytes
    modified_at: datetime.datetime


class Bucket:
    """`reelmesh_storage.ports.Bucket` in memory. An upload that dies before it is published leaves nothing here."""

    def __init__(self, weather: faults.Weather, now: Callable[[], datetime.datetime]) -> None:
        """Begin empty; `now` dates what is published."""
        self.blobs: dict[str, Blob] = {}
        self._weather = weather
        self._now = now

    @contextlib.asynccontextmanager
    async def upload(self, key: str, content_type: str) -> AsyncGenerator["Upload"]:
        """Begin to write."""
        yield Upload(self, key)

    async def publish(self, key: str, content: bytes) -> None:
        """Make bytes appear.

        Raises:
            errors.StorageFull: there is no room.
        """
        await loop.passing(LATENCY_SECONDS)
        if self._weather.during(faults.Kind.STORAGE_FULL, NAME):
            raise errors.StorageFull("the bucket is full: a fault says so")
        self.blobs[key] = Blob(content, self._now())
        self._weather.passed("publish")
        await loop.passing(LATENCY_SECONDS)

    async def read(self, key: str, offset: int, length: int) -> AsyncGenerator[bytes]:
        """Stream bytes."""
        await loop.passing(LATENCY_SECONDS)
        if key not in self.blobs:
            raise errors.NotFound(f"there is nothing under {key}")
        yield self.blobs[key].content[offset : offset + length]

    async def delete(self, key: str) -> None:
        """Remove bytes."""
        await loop.passing(LATENCY_SECONDS)
        self.blobs.pop(key, None)
        await loop.passing(LATENCY_SECONDS)

    async def list(self, after: str, limit: int) -> Sequence[leftovers.Listed]:
        """Return a page of what is there."""
        await loop.passing(LATENCY_SECONDS)
        keys = sorted(key for key in self.blobs if key > after)[:limit]
        return [leftovers.Listed(key, len(self.blobs[key].content), self.blobs[key].modified_at) for key in keys]

    async def discard_uploads(self, before: datetime.datetime) -> int:
        """Throw nothing away: uploads live in processes here."""
        return 0

    async def sign(self, key: str, validity: datetime.timedelta) -> str | None:
        """Have no URLs."""
        return None

    async def check(self) -> None:
        """Be there."""


class Upload:
    """Bytes on their way."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        """Begin with none."""
        self._bucket = bucket
        self._key = key
        self._bytes = b""

    @property
    def content(self) -> asset.Content:
        """Return what was written so far."""
        return asset.Content(len(self._bytes), hashlib.sha256(self._bytes).hexdigest())

    async def write(self, chunk: bytes) -> None:
        """Append."""
        self._bytes += chunk

    async def publish(self) -> None:
        """Make all of it appear."""
        await self._bucket.publish(self._key, self._bytes)


def sweeper(database: sql.Database, bucket: Bucket, chassis: process.Chassis) -> sweeping.Sweeping:
    """Return the real sweep over a bucket and its index."""
    index = sql_adapter.SqlSweepIndex(database)
    return sweeping.Sweeping(index, bucket, chassis.clock, chassis.ids, chassis.logger)


def main(wires: network.Network, database: sql.Database, bucket: Bucket) -> hosts.Main:
    """Return the storage service."""

    async def run(host: hosts.Host, chassis: process.Chassis) -> None:
        index = sql_adapter.SqlIndex(database)
        edge = servicer.StorageServicer(
            storing.Storing(index, bucket, chassis.clock, chassis.ids, storing.Limits(), chassis.logger),
            serving.Serving(index, bucket, b"secret of the simulation"),
            lives.Lives(index, bucket),
            notes.Notes(bucket),
        )
        sweep = sweeper(database, bucket, chassis)
        async with process.supervise(chassis, sweep=lambda: sweep.run(SWEEP_SECONDS, lambda _: None)):
            add = storage_service_pb2_grpc.add_StorageServiceServicer_to_server
            wires.serve(NAME, host, chassis, [rpc.service(_DESCRIPTOR, add, edge)])
            await host.stopping.wait()

    return run
