"""A vendor that charges for jobs: what it was sent, what it has, what it lets others see of it, and when."""

import asyncio
import dataclasses
import enum
from collections import Counter
from collections.abc import Callable, Sequence

from reelmesh_provider import model, testing

from tests.simulation import dice, faults, history, loop

# Of what the card promises: a vendor that keeps its word.
KEEPS = 0.95
CLIP_BYTES = 96
BROKEN_MARK = b"nothing can be decoded"


class End(enum.Enum):
    """How a job ends."""

    SUCCEEDS = "succeeds"
    FAILS = "fails"
    UNSAFE = "is found unsafe"
    CANCELLED = "is cancelled"
    FORGOTTEN = "is forgotten"


@dataclasses.dataclass
class Job:
    """A job at the vendor."""

    id: str
    task: model.Task
    created_at: float
    visible_at: float
    ends_at: float
    end: End
    broken: bool = False
    lost: bool = False

    @property
    def billed_micros(self) -> int:
        """What it costs once it has ended."""
        return self.task.price_micros if self.end is End.SUCCEEDS else 0

    def content(self) -> bytes:
        """Return the bytes of its clip: never those of another job."""
        mark = BROKEN_MARK if self.broken else b""
        return testing.clip_bytes(CLIP_BYTES) + self.id.encode() + mark


@dataclasses.dataclass(frozen=True)
class Habits:
    """How a vendor is. Seconds."""

    creation_seconds: float
    listing_seconds: float
    shortest_render: float
    longest_render: float
    #: Jobs of other customers in the same list.
    strangers: int = 0


Answer = asyncio.Future[model.Submitted]


class Vendor:
    """The vendor's side of the wire, which nobody can kill."""

    def __init__(
        self, name: str, habits: Habits, weather: faults.Weather, chance: dice.Dice, log: history.History
    ) -> None:
        """Begin without jobs of ours."""
        self.name = name
        self.habits = habits
        self.weather = weather
        #: Complete requests, by attempt: each is what a customer pays for.
        self.sent: Counter[str] = Counter()
        self.jobs: dict[str, Job] = {}
        self.strangers = [f"{name}-stranger-{number}" for number in range(habits.strangers)]
        #: Attempts that were treated worse than the card promises.
        self.lied_to: set[str] = set()
        #: Called with the task of each complete request, in the moment of its last byte.
        self.on_sent: list[Callable[[model.Task], None]] = []
        self.on_created: list[Callable[[Job], None]] = []
        self._chance = chance
        self._history = log

    def send(self, task: model.Task) -> Answer:
        """Take the last byte of a request: from here on nothing calls it back."""
        self.sent[task.attempt_id] += 1
        self._history.note(self.name, f"is asked to make {short(task.attempt_id)}")
        for told in self.on_sent:
            told(task)
        answer: Answer = asyncio.get_running_loop().create_future()
        loop.natural(self._handle(task, answer))
        return answer

    def list(self) -> Sequence[Job]:
        """Return what the list shows now, oldest first."""
        now = _now()
        return [job for job in self.jobs.values() if job.visible_at <= now and not self.forgotten(job)]

    def state(self, job_id: str) -> model.JobState:
        """Return what its status page says about a job."""
        job, now = self.jobs.get(job_id), _now()
        if job is None or job.visible_at > now or self.forgotten(job):
            return model.Missing()
        if now < job.ends_at:
            share = (now - job.created_at) / (job.ends_at - job.created_at)
            return model.Pending(int(100 * share))
        if job.end is End.SUCCEEDS:
            return model.Succeeded(job.billed_micros)
        outcome = {End.FAILS: model.Outcome.FAILED, End.UNSAFE: model.Outcome.FILTERED}
        return model.Negative(outcome.get(job.end, model.Outcome.CANCELLED), f"the job {job.end.value}", 0)

    def cancel(self, job_id: str) -> None:
        """Stop a job, unless it has ended."""
        job = self.jobs.get(job_id)
        if job is not None and _now() < job.ends_at:
            job.end, job.ends_at = End.CANCELLED, _now()
            self._history.note(self.name, f"stops {job_id}")

    def live(self, job: Job) -> bool:
        """Tell whether a job is being made, or was made well."""
        made = job.end is End.SUCCEEDS and not (job.broken or job.lost)
        return made or (job.end is not End.FORGOTTEN and _now() < job.ends_at)

    def forgotten(self, job: Job) -> bool:
        """Tell whether the vendor knows nothing of a job any more."""
        return job.end is End.FORGOTTEN and _now() >= job.ends_at

    async def _handle(self, task: model.Task, answer: Answer) -> None:
        await self._travel()
        if self.weather.strikes(faults.Kind.SUBMIT_VANISHES, self.name, short(task.attempt_id)):
            _fail(answer, ConnectionResetError("the connection broke before the request arrived"))
            return
        if self.weather.strikes(faults.Kind.SUBMIT_CUT, self.name, short(task.attempt_id)):
            _fail(answer, ConnectionResetError("the connection broke before the request was worked on"))
        if declined := self._declined(task):
            await self._travel()
            _give(answer, declined)
            return
        await self._created_in_time(task)
        job = self._create(task)
        await self._answer(job, answer)

    async def _answer(self, job: Job, answer: Answer) -> None:
        what = job.id
        if self.weather.strikes(faults.Kind.SUBMIT_UNANSWERED, self.name, what):
            _fail(answer, ConnectionResetError("the connection broke before the id came"))
            return
        if self.weather.strikes(faults.Kind.SUBMIT_HANGS, self.name, what):
            return
        if self.weather.strikes(faults.Kind.UNREADABLE, self.name, what):
            _give(answer, model.Declined(model.Verdict.UNKNOWN, "502: a proxy could not read it"))
            return
        if slow := self.weather.strikes(faults.Kind.SUBMIT_SLOW, self.name, what):
            await loop.passing(slow.seconds)
        await self._travel()
        _give(answer, model.Accepted(job.id))

    def _declined(self, task: model.Task) -> model.Declined | None:
        verdicts = {
            faults.Kind.BUSY: model.Declined(model.Verdict.BUSY, "429", retry_after_seconds=2.0),
            faults.Kind.REFUSED: model.Declined(model.Verdict.REFUSED, "the vendor would not say why"),
            faults.Kind.REFUSED_FOR_GOOD: model.Declined(model.Verdict.REFUSED_FOR_GOOD, "no such model"),
            faults.Kind.UNSAFE: model.Declined(model.Verdict.UNSAFE, "a policy"),
        }
        for kind, declined in verdicts.items():
            if self.weather.strikes(kind, self.name, short(task.attempt_id)):
                return declined
        return None

    async def _created_in_time(self, task: model.Task) -> None:
        await loop.passing(self._chance.uniform(0.0, KEEPS * self.habits.creation_seconds))
        if late := self.weather.strikes(faults.Kind.CREATED_LATE, self.name, short(task.attempt_id)):
            self.lied_to.add(task.attempt_id)
            await loop.passing(self.habits.creation_seconds + late.seconds)

    def _create(self, task: model.Task) -> Job:
        now, what = _now(), short(task.attempt_id)
        visible_at = now + self._chance.uniform(0.0, KEEPS * self.habits.listing_seconds)
        if late := self.weather.strikes(faults.Kind.LISTED_LATE, self.name, what):
            self.lied_to.add(task.attempt_id)
            visible_at += self.habits.listing_seconds + late.seconds
        job = Job(
            id=f"{self.name}-job-{len(self.jobs) + 1}",
            task=task,
            created_at=now,
            visible_at=visible_at,
            ends_at=now + self._chance.uniform(self.habits.shortest_render, self.habits.longest_render),
            end=self._end(what),
            broken=self.weather.strikes(faults.Kind.CLIP_BROKEN, self.name, what) is not None,
            lost=self.weather.strikes(faults.Kind.CLIP_LOST, self.name, what) is not None,
        )
        self.jobs[job.id] = job
        self._history.note(self.name, f"has created {job.id} for {what}, which {job.end.value}")
        for told in self.on_created:
            told(job)
        return job

    def _end(self, what: str) -> End:
        if self.weather.strikes(faults.Kind.JOB_FAILS, self.name, what):
            return self._chance.one_of([End.FAILS, End.FAILS, End.UNSAFE])
        if self.weather.strikes(faults.Kind.JOB_GONE, self.name, what):
            return End.FORGOTTEN
        return End.SUCCEEDS

    async def _travel(self) -> None:
        await loop.passing(self._chance.uniform(0.002, 0.03))


def short(id_: str) -> str:
    """Return enough of an id to tell it from others in a trace."""
    return id_[:8]


def _give(answer: Answer, submitted: model.Submitted) -> None:
    if not answer.done():
        answer.set_result(submitted)


def _fail(answer: Answer, error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def _now() -> float:
    return asyncio.get_running_loop().time()
