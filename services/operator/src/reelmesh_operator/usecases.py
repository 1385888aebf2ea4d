"""Rounds: look at all pools, decide about them at once, act. Whatever fails is decided anew with the next round."""

import asyncio
import collections
import contextlib
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from reelmesh_kit import clock, errors

from reelmesh_operator import ports
from reelmesh_operator.model import happenings, pools, reconciling, series

# For how long workers are cordoned that are not named again; well above the age of a signal that is acted upon.
CORDON_SECONDS = 60.0
CORDON_AGAIN_SECONDS = 15.0

# Between two rounds, however much goes out.
SHORTEST_PAUSE_SECONDS = 0.25
# When there is no pool, or none could be read.
IDLE_PAUSE_SECONDS = 2.0
# The operator is not ready when it has not looked at anything for so long.
ROUND_PATIENCE_SECONDS = 60.0

# How Kubernetes writes the time: in a status, and where something happened.
_SECONDS, _MICROSECONDS = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"

Body = Mapping[str, Any]
# What to write so that a status says what was seen and decided: now, and when replicas were changed ("": not now).
Change = Callable[[pools.View, pools.Decision, Body, str, str], Mapping[str, Any]]
Read = Callable[[Body], pools.Desired]


@dataclasses.dataclass(frozen=True)
class Cordoned:
    """Who was said to be cordoned, and when."""

    names: frozenset[str]
    said_at: float


class Rounds:
    """Looks after all pools of a namespace. One at a time: nothing here is safe beside a second one of its kind."""

    def __init__(
        self,
        signals: ports.Signals,
        cluster: ports.Cluster,
        board: ports.Board,
        time: clock.Clock,
        logger: logging.Logger,
        change: Change,
        reporter: "Reporter",
    ) -> None:
        """Take who knows the work, the cluster, and what is told: numbers, the log, words for a status, happenings."""
        self._signals = signals
        self._cluster = cluster
        self._board = board
        self._clock = time
        self._logger = logger
        self._change = change
        self._reporter = reporter
        self._memories: dict[str, pools.Memory] = {}
        self._heard: dict[pools.Queue, pools.Signal] = {}
        #: What each pool wants cordoned: one that is held keeps what it said last.
        self._cordons: dict[str, tuple[pools.Queue, frozenset[str]]] = {}
        self._said: dict[pools.Queue, Cordoned] = {}
        self._trouble = ""

    async def once(self, desired: Sequence[pools.Desired], bodies: Mapping[str, Body]) -> Mapping[str, pools.Decision]:
        """Look, decide, act; return what was decided about each pool.

        Args:
            desired: all pools of the namespace.
            bodies: their resources, with the statuses as they stand.
        """
        await self._hear([one.queue for one in desired])
        views = [await self._look(one) for one in desired]
        decisions = reconciling.reconcile(views, self._clock.elapsed())
        self._memories = {name: decision.memory for name, decision in decisions.items()}
        # Nobody may begin anything who is to go, before anybody goes.
        await self._cordon(views, decisions)
        for view in views:
            name = view.desired.name
            await self._act(view, decisions[name], bodies.get(name, {}))
        await self._reporter.count()
        self._board.show(views, decisions)
        return decisions

    async def _hear(self, queues: Sequence[pools.Queue]) -> None:
        asked_at = self._clock.elapsed()
        self._trouble = ""
        if not queues:
            return
        try:
            self._heard = dict(await self._signals.signals(queues, asked_at))
        except errors.ReelmeshError as error:
            self._fail("signals", "The orchestrator does not say how much work there is", error)
            self._trouble = error.message

    async def _look(self, desired: pools.Desired) -> pools.View:
        view = pools.View(
            desired,
            None,
            self._heard.get(desired.queue),
            self._memories.get(desired.name, pools.Memory()),
            trouble=self._trouble,
        )
        try:
            return dataclasses.replace(view, actual=await self._cluster.actual(desired.workload))
        except errors.NotFound:
            return dataclasses.replace(view, missing=True)
        except errors.ReelmeshError as error:
            self._fail("read", f"The workload of {desired.name} could not be read", error)
            return dataclasses.replace(view, trouble=self._trouble or error.message)

    async def _cordon(self, views: Sequence[pools.View], decisions: Mapping[str, pools.Decision]) -> None:
        named = {view.desired.name for view in views}
        before = {queue for queue, _ in self._cordons.values()}
        self._cordons = {name: said for name, said in self._cordons.items() if name in named}
        for view in views:
            wanted = decisions[view.desired.name].cordon
            if wanted is not None:
                self._cordons[view.desired.name] = (view.desired.queue, frozenset(wanted))
        of_queue: dict[pools.Queue, frozenset[str]] = collections.defaultdict(frozenset)
        for queue, names in self._cordons.values():
            of_queue[_shared(queue)] |= names
        for queue in {_shared(one) for one in before} | set(of_queue):
            await self._say(queue, of_queue.get(queue, frozenset()))

    async def _say(self, queue: pools.Queue, names: frozenset[str]) -> None:
        now = self._clock.elapsed()
        said = self._said.get(queue)
        if said is None and not names:
            # Whoever was cordoned by a former life of ours is let go in time.
            return
        if said is not None and said.names == names and (not names or now - said.said_at < CORDON_AGAIN_SECONDS):
            return
        try:
            await self._signals.cordon(queue, sorted(names), CORDON_SECONDS)
        except errors.ReelmeshError as error:
            self._fail("cordon", f"The workers of {queue} could not be cordoned", error)
        else:
            self._said[queue] = Cordoned(names, now)

    async def _act(self, view: pools.View, decision: pools.Decision, body: Body) -> None:
        before: Body = body.get("status", {})
        happened = list(happenings.turned(decision.conditions, _told(before)))
        for pod, cost in decision.costs.items():
            await self._try("cost", f"the deletion cost of {pod}", self._cluster.set_cost(pod, cost))
        scaled = False
        if decision.replicas is not None and view.actual is not None:
            workload = view.desired.workload
            words = f"{workload.kind} {workload.name} from {view.actual.replicas} to {decision.replicas} workers"
            scaled = await self._try("scale", words, self._cluster.scale(workload, decision.replicas))
            if scaled:
                self._logger.info("Scaled %s", words, extra={"signal_age_seconds": self._age(view)})
                happened.append(happenings.scaled(view.actual.replicas, decision.replicas, decision))
        now = self._clock.now().strftime(_SECONDS)
        status = self._change(view, decision, before, now, now if scaled else "")
        if status:
            name = view.desired.name
            await self._try("status", f"the status of {name}", self._cluster.tell(name, status))
        # Told last: nobody who works waits for it.
        for one in happened:
            await self._reporter.report(view.desired.name, body.get("metadata", {}).get("uid", ""), one)

    def _age(self, view: pools.View) -> float | None:
        """Return for how long what was decided with has been known: from when the orchestrator was asked."""
        return None if view.signal is None else round(self._clock.elapsed() - view.signal.asked_at, 3)

    async def _try(self, what: str, words: str, deed: Awaitable[None]) -> bool:
        try:
            await deed
        except errors.ReelmeshError as error:
            self._fail(what, f"Could not write {words}", error)
            return False
        return True

    def _fail(self, what: str, words: str, error: errors.ReelmeshError) -> None:
        self._board.count(what)
        self._logger.warning("%s: %s", words, error.message)


def _told(status: Body) -> happenings.Before:
    return {one["type"]: (one.get("status", ""), one.get("reason", "")) for one in status.get("conditions", ())}


class Reporter:
    """Has the cluster keep what happened to pools; what happens again and again is counted. A failure stops nobody."""

    def __init__(self, notes: ports.Notes, board: ports.Board, time: clock.Clock, logger: logging.Logger) -> None:
        """Keep it in `notes`."""
        self._notes = notes
        self._board = board
        self._clock = time
        self._logger = logger
        #: By pool (name and UID) and reason.
        self._series: dict[tuple[str, str, str], series.Series] = {}

    async def report(self, pool: str, uid: str, happened: happenings.Happening) -> None:
        """Say that something has happened to a pool."""
        key = (pool, uid, happened.reason)
        now, moment = self._clock.elapsed(), self._clock.now()
        known = self._series.get(key)
        name = f"{pool}.{round(moment.timestamp() * 1e6):x}.{happened.reason.lower()}"
        after = series.again(known, happened, name, now)
        if known is None or after.name != known.name:
            note = ports.Note(name, pool, uid, happened, moment.strftime(_MICROSECONDS))
            if not await self._try(self._notes.note(note)):
                return
        self._series[key] = after

    async def count(self) -> None:
        """Write how often things have happened, where it is time to."""
        now = self._clock.elapsed()
        for key, one in list(self._series.items()):
            if series.is_over(one, now):
                del self._series[key]
            elif series.is_due(one, now):
                at = self._clock.now().strftime(_MICROSECONDS)
                done = await self._try(self._notes.note_again(one.name, one.count, at))
                written = one.count if done else one.written
                self._series[key] = dataclasses.replace(one, written=written, written_at=now)

    async def _try(self, deed: Awaitable[None]) -> bool:
        try:
            await deed
        except errors.ReelmeshError as error:
            self._board.count("event")
            self._logger.warning("What happened could not be kept as an event: %s", error.message)
            return False
        return True


def _shared(queue: pools.Queue) -> pools.Queue:
    """Return the queue whose workers are cordoned together: all lanes of media are one pool of workers."""
    return queue if queue.provider else pools.Queue(lanes=("media",))


class Keeping:
    """Looks at all pools again and again: when something wakes it, and as often as the most impatient pool asks for."""

    def __init__(
        self,
        rounds: Rounds,
        cluster: ports.Cluster,
        time: clock.Clock,
        logger: logging.Logger,
        read: Read,
        wake: asyncio.Event,
    ) -> None:
        """Look at the pools of `cluster`; `wake` says that something has happened."""
        self._rounds = rounds
        self._cluster = cluster
        self._clock = time
        self._logger = logger
        self._read = read
        self._wake = wake
        self._looked_at = time.elapsed()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            pause_seconds = await self.once()
            await self._clock.sleep(SHORTEST_PAUSE_SECONDS)
            with contextlib.suppress(TimeoutError):
                await self._clock.wait_for(self._wake.wait(), pause_seconds)
            self._wake.clear()

    async def once(self) -> float:
        """Look at all pools once; return after how many seconds to do so again."""
        try:
            bodies = await self._cluster.resources()
        except errors.ReelmeshError as error:
            self._logger.warning("The WorkerPools could not be listed: %s", error.message)
            return IDLE_PAUSE_SECONDS
        desired = [one for body in bodies if (one := self._wanted(body)) is not None]
        await self._rounds.once(desired, {body["metadata"]["name"]: body for body in bodies})
        self._looked_at = self._clock.elapsed()
        return min((one.polling_seconds for one in desired), default=IDLE_PAUSE_SECONDS)

    async def check(self) -> None:
        """Raise when nothing was looked at for long: for readiness."""
        if self._clock.elapsed() - self._looked_at > ROUND_PATIENCE_SECONDS:
            raise errors.Unavailable("The pools could not be looked at for a minute: Kubernetes does not answer.")

    def _wanted(self, body: Body) -> pools.Desired | None:
        if "deletionTimestamp" in body["metadata"]:
            return None
        try:
            return self._read(body)
        except errors.InvalidArgument as error:
            self._logger.warning("WorkerPool %s is passed over: %s", body["metadata"]["name"], error.message)
            return None
