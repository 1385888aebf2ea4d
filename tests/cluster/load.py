"""Callers of a gateway who make, read and watch generations without pause, and note whatever goes wrong."""

import asyncio
import collections
import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx
from reelmesh_client import client, errors
from reelmesh_kit import clock

from tests.e2e import caller

CREATE_EVERY_SECONDS = 3.0
READ_EVERY_SECONDS = 0.1
AGAIN_SECONDS = 0.5
PATIENCE_SECONDS = 600.0
KINDS = ("create", "get", "get on a new connection", "get by gRPC", "watch")
_CLOCK = clock.SystemClock()


@dataclasses.dataclass
class Load:
    """What callers have asked for, and what failed. Nobody asks again after a failure: each is told."""

    http: caller.Caller
    """Over connections that stay open from one request to the next."""
    grpc: client.Client
    made: list[str] = dataclasses.field(default_factory=list[str])
    done: "collections.Counter[str]" = dataclasses.field(default_factory=lambda: collections.Counter[str]())
    failed: list[str] = dataclasses.field(default_factory=list[str])
    _watchers: list[asyncio.Task[None]] = dataclasses.field(default_factory=list[asyncio.Task[None]])

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Ask without pause during the block; then wait until all that was asked for is made."""
        first = await self.http.create("a paper boat")
        self.made.append(first["id"])
        loops = [
            asyncio.create_task(self._again(what, deed, pause))
            for what, deed, pause in (
                ("create", self._create, CREATE_EVERY_SECONDS),
                ("get", self._get, READ_EVERY_SECONDS),
                ("get on a new connection", self._get_anew, READ_EVERY_SECONDS),
                ("get by gRPC", self._get_by_grpc, READ_EVERY_SECONDS),
            )
        ]
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            results = await asyncio.gather(*loops, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results), results
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*self._watchers)

    async def _again(self, what: str, deed: Callable[[], Awaitable[object]], pause: float) -> None:
        while True:
            await self._noted(what, deed())
            await _CLOCK.sleep(pause)

    async def _noted(self, what: str, deed: Awaitable[object]) -> None:
        try:
            await deed
        except (httpx.HTTPError, AssertionError, errors.ReelmeshError) as error:
            self.failed.append(f"{_CLOCK.now():%H:%M:%S} {what}: {type(error).__name__} {error}")
        else:
            self.done[what] += 1

    async def _create(self) -> None:
        made = await self.http.create("a paper boat")
        self.made.append(made["id"])
        self._watchers.append(asyncio.create_task(self._watch(made["id"])))

    async def _get(self) -> None:
        await self.http.get(self.made[-1])

    async def _get_anew(self) -> None:
        headers = {"connection": "close"}
        caller.answered(await self.http.http.get(f"{caller.GENERATIONS}/{self.made[0]}", headers=headers), 200)

    async def _get_by_grpc(self) -> None:
        await self.grpc.get(self.made[-1])

    async def _watch(self, generation_id: str) -> None:
        """Follow a generation to its end, as browsers do: a stream that ends is opened again after its last event."""
        seen = [0]
        while True:
            ended: list[caller.Body] = []
            await self._noted("watch", self._follow(generation_id, seen, ended))
            if ended:
                break
            await _CLOCK.sleep(AGAIN_SECONDS)
        if seen != list(range(len(seen))):
            self.failed.append(f"watch of {generation_id} has gaps: {seen}")
        if ended[0]["state"] != "COMPLETED":
            self.failed.append(f"{generation_id} is {ended[0]['state']}")

    async def _follow(self, generation_id: str, seen: list[int], ended: list[caller.Body]) -> None:
        async for told in self.http.followed(generation_id, str(seen[-1])):
            assert told.name != "error", told.data
            if told.id:
                seen.append(int(told.id))
            if told.name == "ended":
                ended.append(told.data)
