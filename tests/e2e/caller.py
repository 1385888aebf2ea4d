"""Calls a mesh by HTTP as any program would, and waits for what comes of it."""

import asyncio
import contextlib
import dataclasses
import inspect
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import httpx
from reelmesh_kit import clock

GENERATIONS = "/api/v1/generations"
ASSETS = "/api/v1/assets"
ENDED = frozenset({"COMPLETED", "REJECTED", "FAILED", "CANCELLED", "EXPIRED"})
# A tiny picture, so that rendering and encoding take a fraction of a second.
TINY: Mapping[str, object] = {"width": 160, "height": 90, "duration_seconds": 1}
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.05

_CLOCK = clock.SystemClock()
Body = dict[str, Any]
Condition = Callable[[], Any]


async def until(condition: Condition, what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait until a condition, asynchronous or not, gives something true, and return that."""
    ends = _CLOCK.elapsed() + seconds
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert _CLOCK.elapsed() < ends, f"not within {seconds:g} s: {what}"
        await _CLOCK.sleep(LOOK_SECONDS)


@dataclasses.dataclass(frozen=True)
class Told:
    """One server-sent event."""

    name: str
    data: Body
    id: str


@dataclasses.dataclass
class Caller:
    """Somebody with an API key."""

    http: httpx.AsyncClient

    async def create(self, prompt: str, output: Mapping[str, object] = TINY, **fields: object) -> Body:
        """Ask for a video; return the generation as it was admitted."""
        body = {"prompt": prompt, "output": dict(output), **fields}
        return answered(await self.http.post(GENERATIONS, json=body), 202)

    async def get(self, generation_id: str) -> Body:
        """Read a generation."""
        return answered(await self.http.get(f"{GENERATIONS}/{generation_id}"), 200)

    async def cancel(self, generation_id: str) -> Body:
        """Ask for the end of a generation."""
        return answered(await self.http.post(f"{GENERATIONS}/{generation_id}/cancel"), 200)

    async def events(self, generation_id: str) -> list[Body]:
        """Return what happened to a generation."""
        return answered(await self.http.get(f"{GENERATIONS}/{generation_id}/events"), 200)["events"]

    async def story(self, generation_id: str) -> list[str]:
        """Return the types of what happened to a generation, in order."""
        return [event["type"] for event in await self.events(generation_id)]

    async def happened(self, generation_id: str, type_: str) -> None:
        """Wait until an event of a type was recorded."""

        async def there() -> bool:
            return type_ in await self.story(generation_id)

        await until(there, f"{type_} of {generation_id}")

    async def ended(self, generation_id: str, seconds: float = PATIENCE_SECONDS) -> Body:
        """Wait until a generation has ended, and return it."""
        return await self.becomes(generation_id, lambda found: found["state"] in ENDED, "it has ended", seconds)

    async def becomes(
        self, generation_id: str, like: Callable[[Body], object], what: str, seconds: float = PATIENCE_SECONDS
    ) -> Body:
        """Wait until a generation looks as wanted, and return it."""
        seen: Body = {}

        async def look() -> bool:
            nonlocal seen
            seen = await self.get(generation_id)
            return bool(like(seen))

        try:
            await until(look, what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen}; {await self.events(generation_id)}") from None
        return seen

    async def made(self, prompt: str, output: Mapping[str, object] = TINY, **fields: object) -> Body:
        """Ask for a video and wait until it is there."""
        admitted = await self.create(prompt, output, **fields)
        done = await self.ended(admitted["id"])
        assert (done["state"], done["delivery"]) == ("COMPLETED", "VIDEO"), (done, await self.events(done["id"]))
        return done

    async def upload(self, content: bytes, content_type: str = "image/png") -> Body:
        """Store a reference image."""
        return answered(await self.http.post(ASSETS, content=content, headers={"content-type": content_type}), 201)

    async def content(self, asset_id: str) -> bytes:
        """Download an asset."""
        answer = await self.http.get(f"{ASSETS}/{asset_id}/content")
        assert answer.status_code == 200, answer.text
        return answer.content

    async def followed(self, generation_id: str, last_event_id: str = "") -> AsyncGenerator[Told]:
        """Follow a generation by server-sent events."""
        headers = {"last-event-id": last_event_id} if last_event_id else {}
        async with self.http.stream("GET", f"{GENERATIONS}/{generation_id}/watch", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream"), await answer.aread()
            fields: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif fields and "event" in fields:
                    yield Told(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
                    fields = {}


def sent(shot: Body) -> list[Body]:
    """Return a shot's attempts without those that never left, as happens where a machine stalls."""
    return [attempt for attempt in shot["attempts"] if attempt["state"] != "NOT_SENT"]


def answered(answer: httpx.Response, status: int) -> Body:
    """Return the body of an answer with this status."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    body: Body = answer.json()
    return body


def refused(answer: httpx.Response, status: int, reason: str) -> str:
    """Return the message of a refusal."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    error = answer.json()["error"]
    assert error["reason"] == reason, error
    return str(error["message"])


async def at_once(*calls: Awaitable[httpx.Response]) -> list[httpx.Response]:
    """Make calls at the same time."""
    return list(await asyncio.gather(*calls))


@contextlib.asynccontextmanager
async def nobody(caller: Caller) -> AsyncGenerator[httpx.AsyncClient]:
    """Call the same gateway without a key."""
    async with httpx.AsyncClient(base_url=caller.http.base_url) as client:
        yield client
