"""A vendor that outlives everybody: it counts what really arrived, forgets no job, and answers as badly as seeded.

It lives in the process that makes the chaos, which is never killed, and is spoken to over a real socket, so that what
a killed or frozen worker has sent is exactly what has left it.
"""

import asyncio
import contextlib
import dataclasses
import json
import zlib
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from reelmesh_kit import chance, clock

PROVIDER = "chaos"
MODEL = "chaos-1"
LONGEST_SECONDS = 2.0
MICROS_PER_SECOND = 100_000
SEPARATOR = b"\r\n\r\n"
HEAD_LIMIT_BYTES = 64 * 1024

# What a prompt may ask for.
STALL = "[[stall]]"  # the job never ends by itself
STUBBORN = "[[stubborn]]"  # and does not stop when it is asked to, for a while
REFUSE_ONCE = "[[refuse-once]]"  # the first submit of the shot is refused for good
CORRUPT_ONCE = "[[corrupt-once]]"  # the first job of the shot has bytes that are no video
STUBBORN_SECONDS = 6.0

# Shares of the submits.
BUSY, LOST_ANSWER, LOST_REQUEST, SLOW = 0.05, 0.1, 0.1, 0.1
BUSY_SECONDS = 0.3
SLOW_SECONDS = 1.5
NO_VIDEO = b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomiso2" + b"\x5a" * 4096


@dataclasses.dataclass
class Job:
    """What was ordered."""

    job_id: str
    tag: str
    shot_id: str
    account: str
    seconds: float
    began: float
    prompt: str
    corrupt: bool = False
    asked_to_stop: float | None = None


@dataclasses.dataclass(frozen=True)
class _Request:
    method: str
    path: str
    body: Mapping[str, Any]


class Vendor:
    """The vendor."""

    def __init__(self, time: clock.Clock, seed: int, clips: Mapping[float, bytes], render_seconds: float) -> None:
        """Sell `clips` by their length, each `render_seconds` after it was ordered."""
        self._clock = time
        self._seed = seed
        self._clips = clips
        self._render_seconds = render_seconds
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0
        self.jobs: dict[str, Job] = {}
        #: Attempts whose connection broke before anything was made of them.
        self.broken: set[str] = set()
        #: When complete requests to make something arrived, by attempt: what would have been paid.
        self.arrivals: dict[str, list[float]] = {}
        #: How many orders it has that it takes its time to answer.
        self.slow = 0
        self._of_shots: Counter[str] = Counter()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def bills(self) -> dict[str, int]:
        """What each job costs that came to a clip, micro-dollars."""
        return {job.job_id: price(job.seconds) for job in self.jobs.values() if self._state(job) == "succeeded"}

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncGenerator["Vendor"]:
        """Serve on a free loopback port."""
        await self.open()
        try:
            yield self
        finally:
            await self.close()

    async def open(self) -> None:
        """Answer, on the same port as before."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, limit=HEAD_LIMIT_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Be gone: connections are refused, open ones break."""
        if self._server is not None:
            self._server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            self._server = None

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close: creates come over connections of their own anyway."""
        try:
            request = await _read(reader)
            status, body = await self._answer(request)
            kind = "video/mp4" if isinstance(body, bytes) else "application/json"
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            head = f"HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\nconnection: close"
            writer.write(head.encode() + SEPARATOR + content)
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, _Broken):
            # Not a whole request, or an answer that nobody shall read.
            writer.transport.abort()
        finally:
            writer.close()

    async def _answer(self, request: _Request) -> tuple[int, object]:
        match (request.method, request.path.strip("/").split("/")):
            case ("POST", ["jobs"]):
                return await self._submit(request.body)
            case ("GET", ["jobs"]):
                return 200, {"jobs": [self._shown(job) for job in self.jobs.values()]}
            case ("POST", ["jobs", job_id, "stop"]) if job_id in self.jobs:
                job = self.jobs[job_id]
                if self._state(job) == "pending" and job.asked_to_stop is None:
                    job.asked_to_stop = self._clock.elapsed()
                return 200, self._shown(job)
            case ("GET", ["jobs", job_id, "clip"]) if job_id in self.jobs:
                job = self.jobs[job_id]
                return 200, NO_VIDEO if job.corrupt else self._clips[length(job.seconds)]
            case _:
                return 404, {"error": "there is no such thing"}

    async def _submit(self, asked: Mapping[str, Any]) -> tuple[int, object]:
        """Take an order; how it goes depends on the seed and the attempt alone, never on time."""
        tag, shot_id, prompt = asked["tag"], asked["shot_id"], asked["prompt"]
        self.arrivals.setdefault(tag, []).append(self._clock.elapsed())
        self._of_shots[shot_id] += 1
        if REFUSE_ONCE in prompt and self._of_shots[shot_id] == 1:
            return 422, {"error": "refused, because it was asked for"}
        luck = chance.SeededChance(zlib.crc32(f"{self._seed} {tag}".encode())).uniform(0, 1)
        if luck < BUSY:
            return 429, {"retry_after_seconds": BUSY_SECONDS}
        if luck < BUSY + LOST_REQUEST:
            self.broken.add(tag)
            raise _Broken
        job = self._create(asked)
        if luck < BUSY + LOST_REQUEST + LOST_ANSWER:
            raise _Broken
        if luck < BUSY + LOST_REQUEST + LOST_ANSWER + SLOW:
            await self._slowly()
        return 200, self._shown(job)

    async def _slowly(self) -> None:
        self.slow += 1
        try:
            await self._clock.sleep(SLOW_SECONDS)
        finally:
            self.slow -= 1

    def _create(self, asked: Mapping[str, Any]) -> Job:
        made = sum(job.shot_id == asked["shot_id"] for job in self.jobs.values())
        job = Job(
            job_id=f"job-{len(self.jobs) + 1}",
            tag=asked["tag"],
            shot_id=asked["shot_id"],
            account=asked["account"],
            seconds=asked["seconds"],
            began=self._clock.elapsed(),
            prompt=asked["prompt"],
            corrupt=CORRUPT_ONCE in asked["prompt"] and not made,
        )
        self.jobs[job.job_id] = job
        return job

    def _state(self, job: Job) -> str:
        now = self._clock.elapsed()
        if job.asked_to_stop is not None:
            if STUBBORN not in job.prompt:
                return "cancelled"
            return "succeeded" if now - job.asked_to_stop >= STUBBORN_SECONDS else "pending"
        if STALL in job.prompt or STUBBORN in job.prompt or now - job.began < self._render_seconds:
            return "pending"
        return "succeeded"

    def _shown(self, job: Job) -> dict[str, object]:
        state = self._state(job)
        cost = price(job.seconds) if state == "succeeded" else 0
        return {"id": job.job_id, "tag": job.tag, "account": job.account, "state": state, "cost_micros": cost}


class _Broken(Exception):
    """The connection shall break."""


def length(seconds: float) -> float:
    """Return the length of the clip that is sold for so many seconds."""
    return 1.0 if seconds <= 1.0 else LONGEST_SECONDS


def price(seconds: float) -> int:
    """Return what a clip costs, micro-dollars."""
    return round(seconds * MICROS_PER_SECOND)


async def _read(reader: asyncio.StreamReader) -> _Request:
    """Read a whole request.

    Raises:
        asyncio.IncompleteReadError: it ended before it was whole.
    """
    head = (await reader.readuntil(SEPARATOR)).decode("latin-1")
    method, path, _ = head.split(" ", 2)
    lengths = [line for line in head.lower().split("\r\n") if line.startswith("content-length:")]
    body = await reader.readexactly(int(lengths[0].partition(":")[2])) if lengths else b""
    return _Request(method, path, json.loads(body) if body else {})
