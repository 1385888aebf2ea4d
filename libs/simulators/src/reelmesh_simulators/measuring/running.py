"""One measurement: vendors on ports that the gateway knows, users who ask it, and the vendors' books afterwards."""

import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence

import httpx
import openai
from reelmesh_kit import chance, clock, ids

from reelmesh_simulators import catalogue, ledger, orders, serving, vendor
from reelmesh_simulators.measuring import cases, clients, counting

LOOK_SECONDS = 0.2
# After the last answer to a user, vendors finish what gateways have left with them.
LATE_SECONDS = 30.0
PACE = orders.Pace(queue_seconds=0.3, render_seconds=1.0, smaller=8)
Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        target: the gateway's base URL, with /v1.
        key: of the gateway.
        dialect: what the vendors speak.
        ports: of the vendors: the first choice, and the fallback if there is one.
        requests: of each case.
        retries: how often the SDK sends a request again by itself; 0 shows what the gateway alone does.
        parallel: requests under way at a time.
        patience_seconds: for one video.
        wait_seconds: for the gateway to answer.
    """

    target: str
    key: str
    wish: clients.Wish
    dialect: str
    ports: Sequence[int]
    cases: Sequence[cases.Case]
    requests: int
    retries: int
    parallel: int
    patience_seconds: float
    wait_seconds: float


class Unreachable(Exception):
    """The gateway does not answer; the message says what was tried."""


@contextlib.asynccontextmanager
async def vendors(dialect: str, ports: Sequence[int]) -> AsyncGenerator[Sequence[serving.Served]]:
    """Serve so many vendors, each with a book of its own in memory."""
    time = clock.SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        served: list[serving.Served] = []
        for port in ports:
            seller = vendor.Vendor(ledger.Ledger(), time, chance.SystemChance(), ids.RandomIds(), PACE)
            stack.callback(seller.ledger.close)
            made = catalogue.DIALECTS[dialect](seller)
            served.append(await stack.enter_async_context(serving.serve(made, seller, port=port)))
        yield served


async def reached(target: str, wait_seconds: float) -> None:
    """Wait until the gateway answers anything at all.

    Raises:
        Unreachable: it does not.
    """
    time = clock.SystemClock()
    ends = time.elapsed() + wait_seconds
    async with httpx.AsyncClient(timeout=5.0) as client:
        while True:
            try:
                await client.get(f"{target.rstrip('/')}/models")
                return
            except httpx.HTTPError as error:
                if time.elapsed() > ends:
                    raise Unreachable(f"{target} does not answer within {wait_seconds:g} s: {error!r}") from error
            await time.sleep(LOOK_SECONDS)


class Measurement:
    """The measurement."""

    def __init__(self, plan: Plan, sellers: Sequence[vendor.Vendor], say: Say) -> None:
        """Ask the gateway of a plan, which buys at `sellers`, the first choice first."""
        self._plan = plan
        self._sellers = sellers
        self._say = say
        self._clock = clock.SystemClock()
        self._slots = asyncio.Semaphore(plan.parallel)
        self._ended = 0

    async def run(self) -> Sequence[counting.Row]:
        """Send every request, and count."""
        plan = self._plan
        numbers = itertools.count(1)
        asked = [(case, f"({next(numbers)})") for case in plan.cases for _ in range(plan.requests)]
        async with openai.AsyncOpenAI(
            base_url=plan.target, api_key=plan.key, max_retries=plan.retries, timeout=plan.patience_seconds
        ) as client:
            user = clients.User(client, plan.wish, self._clock, plan.patience_seconds)
            outcomes = await asyncio.gather(*(self._make(user, case, mark, len(asked)) for case, mark in asked))
        await self._quiet()
        found = [self._request(case, mark, told) for (case, mark), told in zip(asked, outcomes, strict=True)]
        return counting.rows(found, self._sellers[0].now)

    async def _make(self, user: clients.User, case: cases.Case, mark: str, of: int) -> clients.Outcome:
        for seller in self._sellers if case.everywhere else self._sellers[:1]:
            if rule := case.rule(mark):
                seller.suffering.rules.append(rule)
        async with self._slots:
            told = await user.make(_prompt(mark))
        self._ended += 1
        self._say(f"{self._ended} of {of}: {case.name}: {'a video' if told.delivered else told.problem}")
        return told

    async def _quiet(self) -> None:
        """Wait until the vendors have ended what they ever will; for a while."""
        ends = self._clock.elapsed() + LATE_SECONDS
        while any(self._works(seller) for seller in self._sellers) and self._clock.elapsed() < ends:
            await self._clock.sleep(LOOK_SECONDS)

    def _works(self, seller: vendor.Vendor) -> bool:
        return any(job.state(seller.now) not in orders.ENDED for job in seller.ledger.all_jobs())

    def _request(self, case: cases.Case, mark: str, told: clients.Outcome) -> counting.Request:
        creates = [one for seller in self._sellers for one in seller.ledger.creates() if mark in one.request]
        jobs = [job for seller in self._sellers for job in seller.ledger.all_jobs() if mark in job.order.request]
        return counting.Request(case.name, told, len(creates), jobs)


def _prompt(mark: str) -> str:
    return f"A paper boat on a quiet lake {mark}"
