"""A provider in memory that does what a script says: every way in which a vendor is known to answer, or not to."""

import contextlib
import datetime
import enum
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from reelmesh_kit import clock as clocks
from reelmesh_kit import ids

from reelmesh_provider import errors, model, port
from reelmesh_provider import gate as gates

PROVIDER = "scripted"
MODEL = "scripted-1"
ACCOUNT = "scripted-main"
CHUNK_BYTES = 1024


def clip_bytes(size_bytes: int = 4096) -> bytes:
    """Return bytes that begin like an MP4."""
    head = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42"
    return head + b"\x00" * (size_bytes - len(head))


def make_task(number: int = 1, **changes: object) -> model.Task:
    """Return a task that the scripted provider can make; the same number gives the same ids."""
    values: dict[str, object] = {
        "attempt_id": str(ids.derived("attempt", number)),
        "generation_id": str(ids.derived("generation", number)),
        "shot_id": str(ids.derived("shot", number)),
        "tenant_id": "acme",
        "provider": PROVIDER,
        "account_id": ACCOUNT,
        "model": MODEL,
        "prompt": "a lighthouse at dawn",
        "duration_seconds": 4.0,
        "width": 640,
        "height": 360,
        "seed": 1000 + number,
        "traceparent": f"00-{number:032x}-{number:016x}-01",
    }
    return model.Task(**{**values, **changes})  # pyright: ignore[reportArgumentType] - the fields of Task by name


class Way(enum.Enum):
    """How a submit goes."""

    ACCEPT = "accept"
    DROP = "drop"  # created, but the connection breaks before the id comes
    VANISH = "vanish"  # the connection breaks before anything is created
    DECLINE = "decline"  # the provider's own refusal
    IMPOSSIBLE = "impossible"  # known before connecting: declined without using the gate
    UNREACHABLE = "unreachable"
    HANG = "hang"  # created, the answer never comes
    FREEZE_BEFORE_BEGIN = "freeze before begin"  # the clock jumps on
    FREEZE_AFTER_HEADERS = "freeze after headers"
    FREEZE_BEFORE_LAST_BYTE = "freeze before last byte"


@dataclass(frozen=True)
class Step:
    """What happens to one submit."""

    way: Way = Way.ACCEPT
    declined: model.Declined = model.Declined(model.Verdict.REFUSED, "refused by the script")
    seconds: float = 0.0


@dataclass
class ScriptedJob:
    """A job of the scripted provider. `states` are shown one at each look, the last one for ever."""

    job_id: str
    task: model.Task
    states: deque[model.JobState] = field(default_factory=lambda: deque[model.JobState]([model.Pending(0)]))
    clip: bytes = field(default_factory=clip_bytes)
    announced_bytes: int | None = None
    cancelled: int = 0
    listed: bool = True


class ScriptedProvider:
    """`reelmesh_provider.port.Provider` in memory.

    Attributes:
        card: may be replaced before the worker reads it.
        script: one Step for each submit to come; Step() when it is empty.
        jobs: what was created, by id; tests change it as they like.
        submits: attempts that were asked for with a complete request, in order: what would have been paid.
        polls, finds, censuses: how often it was asked, and what for.
        failing: names of verbs that raise ConnectionResetError for as long as they are in here.
        finished_at_once: whether new jobs succeed at the first look.
    """

    def __init__(self, clock: clocks.Clock, fresh: ids.Ids, card: model.ProviderCard | None = None) -> None:
        """Start with no job."""
        self.card = card or scripted_card()
        self.script: deque[Step] = deque()
        self.jobs: dict[str, ScriptedJob] = {}
        self.submits: list[str] = []
        self.polls: list[tuple[str, ...]] = []
        self.finds = 0
        self.failing: set[str] = set()
        self.finished_at_once = False
        self.lists_completely = True
        self.censuses: list[datetime.datetime | None] = []
        self.hides_tags = False
        self.lost_clips: set[str] = set()
        self._clock = clock
        self._ids = fresh

    async def __aenter__(self) -> Self:
        """Open nothing."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close nothing."""

    async def submit(self, task: model.Task, gate: gates.Gate) -> model.Submitted:
        """Do what the script's next step says."""
        step = self.script.popleft() if self.script else Step()
        if step.way is Way.UNREACHABLE:
            raise errors.Unreachable("no route to the scripted provider")
        if step.way is Way.IMPOSSIBLE:
            return step.declined
        await self._freeze(step, Way.FREEZE_BEFORE_BEGIN)
        await gate.begin()
        gate.check()
        await self._freeze(step, Way.FREEZE_AFTER_HEADERS)
        gate.check()
        await self._freeze(step, Way.FREEZE_BEFORE_LAST_BYTE)
        gate.check()
        self.submits.append(task.attempt_id)
        if step.way is Way.VANISH:
            raise ConnectionResetError("the connection broke")
        if step.way is Way.DECLINE:
            return step.declined
        job = self._create(task)
        if step.way is Way.HANG:
            await self._clock.sleep(step.seconds)
            raise TimeoutError
        if step.way is Way.DROP:
            raise ConnectionResetError("the connection broke")
        return model.Accepted(job.job_id)

    async def find(self, account_id: str, tasks: Sequence[model.Task]) -> model.Listing:
        """List the account's jobs that are visible."""
        self.finds += 1
        self._fail("find")
        jobs = [job for job in self.jobs.values() if job.task.account_id == account_id and job.listed]
        matches = [
            model.Match(task.attempt_id, job.job_id, fit)
            for task in tasks
            for job in jobs
            if (fit := self._fit(job, task)) is not None
        ]
        return model.Listing(frozenset(job.job_id for job in jobs), tuple(matches), complete=self.lists_completely)

    async def census(self, account_id: str, since: datetime.datetime | None) -> model.Census:
        """Tell every job of the account that is visible: by its tag, or by its seed where tags are hidden."""
        self.censuses.append(since)
        self._fail("census")
        jobs = [job for job in self.jobs.values() if job.task.account_id == account_id and job.listed]
        return model.Census(tuple(self._told(job) for job in jobs), complete=self.lists_completely)

    async def poll(self, account_id: str, jobs: Sequence[model.Job]) -> Sequence[model.Observation]:
        """Show each job's next state."""
        self.polls.append(tuple(job.job_id for job in jobs))
        self._fail("poll")
        return [model.Observation(job.job_id, self._next_state(account_id, job.job_id)) for job in jobs]

    async def cancel(self, job: model.Job) -> None:
        """Let a job end as cancelled, unless it has ended."""
        self._fail("cancel")
        found = self.jobs.get(job.job_id)
        if found is None:
            return
        found.cancelled += 1
        if isinstance(found.states[-1], model.Pending):
            found.states = deque([model.Negative(model.Outcome.CANCELLED, "cancelled", 0)])

    def fetch(self, job: model.Job) -> AbstractAsyncContextManager[port.Download]:
        """Give the job's clip in chunks."""
        return self._fetch(job.job_id)

    def _told(self, job: ScriptedJob) -> model.ListedJob:
        if self.hides_tags:
            return model.ListedJob(job.job_id, seed=job.task.seed, model=job.task.model)
        return model.ListedJob(job.job_id, job.task.attempt_id, model=job.task.model)

    def _create(self, task: model.Task) -> ScriptedJob:
        job = ScriptedJob(f"job-{self._ids.fresh()}", task)
        if self.finished_at_once:
            job.states = deque[model.JobState]([model.Succeeded()])
        self.jobs[job.job_id] = job
        return job

    async def _freeze(self, step: Step, way: Way) -> None:
        if step.way is way:
            await self._clock.sleep(step.seconds)

    def _next_state(self, account_id: str, job_id: str) -> model.JobState:
        job = self.jobs.get(job_id)
        if job is None or job.task.account_id != account_id:
            return model.Missing()
        return job.states.popleft() if len(job.states) > 1 else job.states[0]

    def _fit(self, job: ScriptedJob, task: model.Task) -> model.Fit | None:
        if not self.hides_tags:
            return model.Fit.OWN_ID if job.task.attempt_id == task.attempt_id else None
        if job.task.seed != task.seed:
            return None
        return model.Fit.PLAUSIBLE if task.seed_is_users else model.Fit.DISCRIMINATED

    @contextlib.asynccontextmanager
    async def _fetch(self, job_id: str) -> AsyncGenerator[port.Download]:
        self._fail("fetch")
        job = self.jobs.get(job_id)
        if job is None or job_id in self.lost_clips:
            raise errors.FetchLost("the scripted provider has no such clip any more")
        yield port.Download(_chunks(job.clip), job.announced_bytes)

    def _fail(self, verb: str) -> None:
        if verb in self.failing:
            raise ConnectionResetError(f"{verb} fails because the script says so")


def scripted_card() -> model.ProviderCard:
    """Return a card with which tests have short waits."""
    return model.ProviderCard(
        provider=PROVIDER,
        version="1",
        models=(
            model.ModelCard(
                model=MODEL,
                shortest_seconds=1,
                longest_seconds=10,
                largest_pixels=1920 * 1080,
                reference_images=4,
                first_frame=True,
                last_frame=True,
                negative_prompt=True,
                references_with_frames=True,
                seed=True,
                prices=(model.Price(datetime.date(2026, 1, 1), micros_per_second=100_000),),
                longest_render_seconds=600,
                seconds_per_second=10,
            ),
        ),
        recovery=model.Recovery.EXACT,
        creation_delay_seconds=2,
        listing_delay_seconds=2,
        cancellable=True,
        gone=model.GoneRule(times=3, over_seconds=10),
        pace=model.Pace(first_seconds=1, longest_seconds=15, growth=1.5),
    )


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]
