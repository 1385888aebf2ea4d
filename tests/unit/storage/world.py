"""Storage's use cases on a real folder and a real database in memory, with time in our hands, and ways to die."""

import contextlib
import hashlib
import logging
import pathlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, cast

from reelmesh_kit import clock, ids, sql
from reelmesh_storage import ports
from reelmesh_storage.adapters import filesystem
from reelmesh_storage.adapters import sql as sql_adapter
from reelmesh_storage.adapters.sql import tables
from reelmesh_storage.model import asset, leftovers
from reelmesh_storage.usecases import lives, serving, storing, sweeping

LOGGER = logging.getLogger("reelmesh.storage")
LINK_SECRET = b"s" * 32
FRESH = ids.RandomIds()


class Killed(BaseException):
    """The process was killed here. Nothing of it runs any more."""


class Fate:
    """Lets a process live for a number of steps: each call to the outside has one before and one after its effect."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.dead = False

    def step(self) -> None:
        if self.dead or self.left == 0:
            self.dead = True
            raise Killed
        self.left -= 1


class DyingIndex:
    """An index, of whichever port, that is called by a process that may die."""

    def __init__(self, index: object, fate: Fate) -> None:
        self._index = index
        self._fate = fate

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: object, **keywords: object) -> Any:
            self._fate.step()
            result = await getattr(self._index, name)(*arguments, **keywords)
            self._fate.step()
            return result

        return call


class DyingBucket(DyingIndex):
    """A bucket that is called by a process that may die; uploads are left as they are then."""

    def __init__(self, bucket: ports.Bucket, fate: Fate, abandoned: contextlib.AsyncExitStack) -> None:
        super().__init__(bucket, fate)
        self._bucket = bucket
        self._abandoned = abandoned

    @contextlib.asynccontextmanager
    async def upload(self, key: str, content_type: str) -> AsyncGenerator["DyingUpload"]:
        self._fate.step()
        inner = self._bucket.upload(key, content_type)
        upload = await inner.__aenter__()
        try:
            self._fate.step()
            yield DyingUpload(upload, self._fate)
            self._fate.step()
        finally:
            if self._fate.dead:
                self._abandoned.push_async_exit(inner)
            else:
                await inner.__aexit__(None, None, None)


class DyingUpload(DyingIndex):
    """An upload of a process that may die."""

    @property
    def content(self) -> asset.Content:
        return cast("ports.Upload", self._index).content


class World:
    """A folder, a database, a clock, and the use cases of one process after the other."""

    def __init__(
        self, database: sql.Database, folder: pathlib.Path, bucket: ports.Bucket, time: clock.ManualClock
    ) -> None:
        self.database = database
        self.folder = folder
        self.bucket = bucket
        self.clock = time
        self.index = sql_adapter.SqlIndex(database)
        self.sweep_index = sql_adapter.SqlSweepIndex(database)
        self.abandoned = contextlib.AsyncExitStack()

    def storing(
        self, limits: storing.Limits | None = None, *, fate: Fate | None = None, time: clock.Clock | None = None
    ) -> storing.Storing:
        index, bucket, _ = self._ports(fate)
        return storing.Storing(index, bucket, time or self.clock, FRESH, limits or storing.Limits(), LOGGER)

    def serving(self) -> serving.Serving:
        return serving.Serving(self.index, self.bucket, LINK_SECRET)

    def lives(self, *, fate: Fate | None = None) -> lives.Lives:
        index, bucket, _ = self._ports(fate)
        return lives.Lives(index, bucket)

    def sweeping(self, *, fate: Fate | None = None) -> sweeping.Sweeping:
        _, bucket, index = self._ports(fate)
        return sweeping.Sweeping(index, bucket, self.clock, FRESH, LOGGER)

    def _ports(self, fate: Fate | None) -> tuple[ports.Index, ports.Bucket, ports.SweepIndex]:
        if fate is None:
            return self.index, self.bucket, self.sweep_index
        dying = DyingBucket(self.bucket, fate, self.abandoned)
        return (
            cast("ports.Index", DyingIndex(self.index, fate)),
            cast("ports.Bucket", dying),
            cast("ports.SweepIndex", DyingIndex(self.sweep_index, fate)),
        )

    async def rows(self) -> dict[str, str]:
        """Return the state of every key."""
        rows = await self.database.read(lambda transaction: transaction.rows(tables.WRITES.select().limit(1000)))
        return {row.key: row.state for row in rows}

    def files(self) -> dict[str, bytes]:
        """Return what is published."""
        found = [path for path in self.folder.rglob("*") if path.is_file() and not self.hidden(path)]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}

    def hidden(self, path: pathlib.Path) -> bool:
        return any(part.startswith(".") for part in path.relative_to(self.folder).parts)

    def temporary_files(self) -> list[pathlib.Path]:
        """Return what is being written."""
        return list((self.folder / filesystem.UPLOADS_FOLDER).iterdir())

    async def sweep_over_days(self) -> None:
        """Let time pass and sweep until whatever was left behind is due."""
        for _ in range(3):
            self.clock.advance(leftovers.ORPHAN_GRACE.total_seconds())
            await self.sweeping().sweep()

    async def assert_tidy(self) -> None:
        """Check that bytes and rows tell the same, and nothing else is there."""
        rows = await self.rows()
        assert set(rows.values()) <= {"STORED", "REMOVED"}
        files = self.files()
        assert set(files) == {key for key, state in rows.items() if state == "STORED"}
        for key, body in files.items():
            stored = await self.database.read(
                lambda transaction, key=key: transaction.row(tables.WRITES.select().where(tables.WRITES.c.key == key))
            )
            assert stored is not None
            assert (stored.size_bytes, stored.sha256) == (len(body), hashlib.sha256(body).hexdigest())
        assert self.temporary_files() == []


@contextlib.asynccontextmanager
async def opened(folder: pathlib.Path) -> AsyncGenerator[World]:
    # Files are dated by the machine, so the manual clock begins at its time.
    time = clock.ManualClock(clock.SystemClock().now())
    async with (
        sql.open_database("sqlite://", time, migrations="reelmesh_storage") as database,
        filesystem.open_bucket(folder, FRESH) as bucket,
    ):
        world = World(database, folder, bucket, time)
        async with world.abandoned:
            yield world


def intended(**values: Any) -> asset.Intent:
    given: dict[str, Any] = {
        "asset_id": FRESH.fresh(),
        "tenant_id": "default",
        "user_id": "ada",
        "kind": asset.Kind.CLIP,
        "content_type": "video/mp4",
    }
    return asset.Intent(**(given | values))


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def key_of(asset_id: uuid.UUID, rows: dict[str, str]) -> str:
    return next(key for key in rows if str(asset_id) in key)
