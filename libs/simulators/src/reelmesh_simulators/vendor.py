"""What every vendor does, whatever it speaks: take orders, let time pass, tell, hand out, forget, and go wrong."""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence

from reelmesh_kit import chance, clock, ids

from reelmesh_simulators import clips, ledger, orders
from reelmesh_simulators.faults import LOSES_THE_ANSWER, Fault, Marker, Stage, Suffering

# What is in place of a video when an error is handed out as one.
ERROR_AS_VIDEO = b'{"error":{"message":"upstream request failed","type":"server_error"}}'

_BEFORE = (
    Fault.VANISH,
    Fault.PROXY_ERROR,
    Fault.SERVER_ERROR,
    Fault.UNAUTHORIZED,
    Fault.RETIRED,
    Fault.QUOTA,
    Fault.BUSY,
    Fault.OVERLOADED,
    Fault.REFUSE,
    Fault.UNSAFE,
)
_AFTER = tuple(sorted(LOSES_THE_ANSWER))
_LOGGER = logging.getLogger("reelmesh.simulators")


class Spoiled(Exception):
    """An answer goes wrong, and how: every dialect has its own words for it, and each connection its own end."""

    def __init__(self, marker: Marker) -> None:
        """Go wrong by `marker`."""
        super().__init__(marker.fault)
        self.fault = marker.fault
        self.amount = marker.amount


class Unknown(Exception):
    """There is no such job, as far as the vendor knows or says."""


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        account: whose key it is.
        client: what it calls itself.
        repeats: which repetition it says that it is.
    """

    account: str = ""
    client: str = ""
    repeats: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """A job at one moment."""

    job: orders.Job
    state: orders.State
    percent: int
    now: float


def seen(job: orders.Job, now: float) -> Look:
    """Return a job as it is at a moment, seconds since 1970."""
    return Look(job, job.state(now), job.percent(now), now)


def accepted(job: orders.Job, now: float) -> Look:
    """Return a job as the answer to its create shows it: nobody forgets what he is just telling of."""
    look = seen(job, now)
    if look.state is orders.State.FORGOTTEN:
        return dataclasses.replace(look, state=orders.State.QUEUED, percent=0)
    return look


async def made_of(job: orders.Job, number: int = 0) -> bytes:
    """Return the clip of a job, as it was made; of a job with several clips, the one with this number."""
    order, stamp = job.order, f"{job.job_id}/{number}" if number else job.job_id
    width, height = (max(2, side // job.pace.smaller // 2 * 2) for side in (order.width, order.height))
    return await asyncio.to_thread(clips.clip, width, height, order.seconds, stamp, audio=order.audio)


class Vendor:
    """A vendor: a ledger, a clock, and things that go wrong."""

    def __init__(
        self,
        book: ledger.Ledger,
        time: clock.Clock,
        luck: chance.Chance,
        fresh: ids.Ids,
        pace: orders.Pace = orders.Pace(),  # noqa: B008 - a frozen value
    ) -> None:
        """Sell what `book` will remember."""
        self.ledger = book
        self.clock = time
        self.ids = fresh
        self.pace = pace
        self.suffering = Suffering(luck)
        #: Answers that were given, by verb: how often somebody looked.
        self.asked: dict[str, int] = {}
        #: Told of each job that was made: webhooks are sent from here.
        self.on_job: Callable[[orders.Job], Awaitable[None]] | None = None

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self.clock.now().timestamp()

    async def create(
        self, caller: Caller, order: orders.Order, job_id: str, price_micros: int, failed_micros: int = 0
    ) -> orders.Job:
        """Take an order that the dialect has read and found right.

        Raises:
            Spoiled: nothing was made, or the answer is lost: the dialect says it in its words.
        """
        self._count("create")
        whose, markers = f"create {order.request}", order.markers
        spoilt = self.suffering.now(whose, markers, order.prompt, *_BEFORE)
        if spoilt:
            self._note(caller, order, spoilt.fault)
            raise Spoiled(spoilt)
        await self._pass_time(whose, order, Fault.LATE)
        order = dataclasses.replace(order, suffers=self.suffering.laid(order.prompt, Stage.JOB))
        job = orders.Job(job_id, caller.account, order, self.now, self.pace, price_micros, failed_micros)
        lost = self.suffering.now(whose, markers, order.prompt, *_AFTER)
        self._note(caller, order, lost.fault if lost else "accepted", job)
        if self.on_job is not None:
            await self.on_job(job)
        if lost:
            raise Spoiled(lost)
        await self._pass_time(whose, order, Fault.ACCEPT_SLOW)
        return job

    def refused(self, caller: Caller, order: orders.Order, reason: str) -> None:
        """Write down a request that the dialect itself refused."""
        self._note(caller, order, reason)

    async def look(self, account: str, job_id: str) -> Look:
        """Show a job.

        Raises:
            Unknown: there is none, or it is forgotten, deleted, or somebody else's.
            Spoiled: the answer goes wrong.
        """
        self._count("look")
        found = self._of(account, job_id)
        self._spoil(found.job, Fault.POLL_500, Fault.POLL_DROP, Fault.POLL_BUSY, Fault.POLL_GARBAGE)
        return found

    def peek(self, job_id: str) -> Look:
        """Show a job by its id alone, to who was given the address of what it made.

        Raises:
            Unknown: there is none.
        """
        job = self.ledger.job(job_id)
        return self._of(job.account if job else "", job_id)

    def listed(self, account: str) -> Sequence[Look]:
        """Show all jobs of an account that the list has by now, oldest first.

        Raises:
            Spoiled: the answer goes wrong, by a rule for everybody.
        """
        now = self._listing()
        looks = [seen(job, now) for job in self.ledger.jobs(account) if job.listed_from <= now]
        return [look for look in looks if look.state is not orders.State.FORGOTTEN]

    def stored(self) -> Sequence[Look]:
        """Show all jobs, whosever they are, of which there are clips that a list has by now, oldest first.

        A bucket keeps them, whatever became of the job.

        Raises:
            Spoiled: the answer goes wrong, by a rule for everybody.
        """
        now = self._listing()
        return [seen(job, now) for job in self.ledger.all_jobs() if job.made(now) and job.listed_from <= now]

    async def content(self, look: Look, number: int = 0) -> bytes:
        """Return the bytes of a job that succeeded: of one of its clips.

        Raises:
            Spoiled: EXPIRED, LOST, or TRUNCATE: only a part of them is sent.
        """
        self._count("content")
        job = look.job
        self._spoil(job, Fault.LOST, Fault.EXPIRED)
        await self._pass_time(f"content {job.job_id}", job.order, Fault.SLOW_FETCH)
        if self._suffers(job, Fault.NO_VIDEO):
            return ERROR_AS_VIDEO
        made = await made_of(job, number)
        if self._suffers(job, Fault.CORRUPT):
            return made[:32] + bytes(reversed(made[32:]))
        return made

    def truncated(self, job: orders.Job) -> bool:
        """Tell whether this time only a part of the bytes is sent."""
        return self._suffers(job, Fault.TRUNCATE)

    def cancel(self, account: str, job_id: str) -> Look:
        """Stop a job; one that has ended stays as it ended.

        Raises:
            Unknown: there is none.
        """
        self._count("cancel")
        before = self._of(account, job_id)
        if before.state not in orders.ENDED:
            self.ledger.cancel(job_id, self.now)
        return self._of(account, job_id)

    def delete(self, account: str, job_id: str) -> Look:
        """Let a job be gone; return what it was.

        Raises:
            Unknown: there is none.
        """
        self._count("delete")
        before = self._of(account, job_id)
        self.ledger.delete(job_id)
        return before

    def _listing(self) -> float:
        """Count a look at a list, and return when it is."""
        self._count("list")
        spoilt = self.suffering.now(
            "list", (), "", Fault.POLL_500, Fault.POLL_DROP, Fault.POLL_BUSY, Fault.POLL_GARBAGE
        )
        if spoilt:
            raise Spoiled(spoilt)
        return self.now

    def _of(self, account: str, job_id: str) -> Look:
        job = self.ledger.job(job_id)
        if job is None or job.account != account:
            raise Unknown
        look = seen(job, self.now)
        if look.state is orders.State.FORGOTTEN:
            raise Unknown
        return look

    def _spoil(self, job: orders.Job, *wanted: Fault) -> None:
        spoilt = self.suffering.now(job.job_id, job.order.markers, job.order.prompt, *wanted)
        if spoilt:
            raise Spoiled(spoilt)

    def _suffers(self, job: orders.Job, fault: Fault) -> bool:
        return self.suffering.now(job.job_id, job.order.markers, job.order.prompt, fault) is not None

    async def _pass_time(self, whose: str, order: orders.Order, fault: Fault) -> None:
        marker = self.suffering.now(whose, order.markers, order.prompt, fault)
        if marker:
            await self.clock.sleep(marker.amount)

    def _note(self, caller: Caller, order: orders.Order, answer: str, job: orders.Job | None = None) -> None:
        job_id = job.job_id if job else None
        asked = (order.model, order.seed, order.webhook_url)
        create = ledger.Create(
            self.now, caller.account, order.request, answer, job_id, caller.client, caller.repeats, *asked
        )
        self.ledger.note(create, job)
        _LOGGER.debug("A create was answered %s: %s", answer, order.request)

    def _count(self, verb: str) -> None:
        self.asked[verb] = self.asked.get(verb, 0) + 1
