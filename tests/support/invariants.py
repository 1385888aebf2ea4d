"""What must be true of the record whatever happened to the processes around it: judged by rows, wherever they are from.

`always` holds at every moment, in one snapshot; `quiet` holds in addition once everything has ended; a `Course`
compares snapshots that follow each other; the rest compares the record with what was seen outside. Everything returns
sentences, one for each violation, so that a test says `assert not await invariants.always(database)`.
"""

import collections
import functools
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import sql
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import attempt, generation, machine, shot, step
from reelmesh_storage.model import note

ROWS_LIMIT = 100_000
Rows = Sequence[Any]
_UNRESOLVED = frozenset(state.value for state in attempt.UNRESOLVED)
_IN_FLIGHT = frozenset(state.value for state in attempt.IN_FLIGHT)
_OPEN = _UNRESOLVED | {state.value for state in attempt.UNBEGUN}
_ENDED = frozenset(state.value for state in generation.ENDED)
# Events by which a run of a generation ends: exactly one of them.
_REVIVING = frozenset({"retried", "take_promoted"})
_ENDINGS = frozenset({"completed", "failed", "cancelled", "expired"})
# After these an attempt may be in flight without having been let through by its account's slots.
_UNEXPECTED = frozenset({"attempt_indeterminate", "incident", "recovered"})


class Snapshot:
    """Rows as one transaction sees them: all of them, or those of a few generations."""

    def __init__(self, transaction: sql.Transaction, generation_ids: Collection[Any] | None = None) -> None:
        """Read everything, or what belongs to these generations alone (then no accounts, leases and messages)."""
        self._transaction = transaction
        self._only = generation_ids
        self.generations = self._of(tables.GENERATIONS, tables.GENERATIONS.c.id)
        self.shots = self._of(tables.SHOTS, tables.SHOTS.c.generation_id)
        self.attempts = self._of(tables.ATTEMPTS, tables.ATTEMPTS.c.generation_id)
        self.steps = self._of(tables.STEPS, tables.STEPS.c.generation_id)
        self.events = self._of(tables.EVENTS, tables.EVENTS.c.generation_id)
        self.ledger = self._of(tables.LEDGER, tables.LEDGER.c.generation_id)
        self.jobs = self._facts()
        whole = generation_ids is None
        self.outbox = self._of(tables.OUTBOX) if whole else ()
        self.accounts = self._of(tables.ACCOUNTS) if whole else ()
        self.leases = self._of(tables.LEASES) if whole else ()

    def _of(self, table: sa.Table, owner: sa.Column[Any] | None = None) -> Rows:
        statement = sa.select(table).limit(ROWS_LIMIT)
        if self._only is not None and owner is not None:
            statement = statement.where(owner.in_(list(self._only)))
        return self._transaction.rows(statement)

    def _facts(self) -> Rows:
        statement = sa.select(tables.PROVIDER_JOBS).limit(ROWS_LIMIT)
        if self._only is not None:
            statement = statement.where(tables.PROVIDER_JOBS.c.attempt_id.in_([one.id for one in self.attempts]))
        return self._transaction.rows(statement)


async def always(database: sql.Database) -> list[str]:
    """Return what is wrong although it may never be."""
    return wrong_at_any_time(await database.read(Snapshot))


async def quiet(database: sql.Database) -> list[str]:
    """Return what is wrong once all generations have ended and nothing is under way."""
    return wrong_when_quiet(await database.read(Snapshot))


def wrong_at_any_time(seen: Snapshot) -> list[str]:
    """Return what is wrong with these rows although it may never be."""
    return [
        *_histories(seen),
        *_money(seen),
        *_paid_once(seen),
        *_facts(seen),
        *_slots(seen),
        *_takes(seen),
    ]


def wrong_when_quiet(seen: Snapshot) -> list[str]:
    """Return what is wrong with these rows when nothing is under way any more."""
    return [*wrong_at_any_time(seen), *_watchers(seen), *_ended(seen), *_nothing_left(seen), *_takes_done(seen)]


def _histories(seen: Snapshot) -> Iterator[str]:
    """Sequences of events have no gaps, and the states that they name follow each other as the table says."""
    events: dict[Any, list[Any]] = collections.defaultdict(list)
    for event in sorted(seen.events, key=lambda event: event.sequence):
        events[event.generation_id].append(event)
    for one in seen.generations:
        sequences = [event.sequence for event in events[one.id]]
        if sequences != list(range(1, one.sequence + 1)):
            yield f"the events of generation {one.id} are {sequences}, it counts {one.sequence}"
        for before, event in itertools.pairwise(events[one.id]):
            # What has ended comes back by a retry or a promotion alone.
            silent = before.state in _ENDED - {event.state} and event.type not in _REVIVING
            if silent or not reachable(generation.MACHINE, generation.GenerationState, before.state, event.state):
                yield f"generation {one.id} went from {before.state} to {event.state} in its history"


def _money(seen: Snapshot) -> Iterator[str]:
    """Holds add up, and nothing is held for what is resolved."""
    sums: collections.Counter[tuple[Any, str]] = collections.Counter()
    for entry in seen.ledger:
        sums[entry.attempt_id, entry.kind] += entry.amount_micros
    for one in seen.attempts:
        hold, settled, released = (sums[one.id, kind] for kind in ("HOLD", "SETTLE", "RELEASE"))
        if hold - settled - released != one.held_micros or settled != one.spent_micros:
            yield (
                f"attempt {one.id} holds {one.held_micros} and spent {one.spent_micros}, its ledger says "
                f"{hold} held, {settled} settled, {released} released"
            )
        if one.held_micros and one.state not in _OPEN:
            yield f"attempt {one.id} is {one.state} and still holds {one.held_micros}"


def _paid_once(seen: Snapshot) -> Iterator[str]:
    begun = collections.Counter(
        event.attributes["attempt_id"] for event in seen.events if event.type == "attempt_submitting"
    )
    yield from (f"attempt {one} was submitted {times} times" for one, times in begun.items() if times > 1)
    # One that was given up for good reasons and turned up after all is an incident: another may have begun by then. And
    # one that a record found again which had gone back may follow another whose end was forgotten with it.
    back = {event.attributes.get("attempt_id") for event in seen.events if event.type in ("incident", "recovered")}
    unresolved = collections.Counter(
        one.shot_id for one in seen.attempts if one.state in _UNRESOLVED and str(one.id) not in back
    )
    yield from (f"shot {one} has {number} unresolved attempts" for one, number in unresolved.items() if number > 1)


def _facts(seen: Snapshot) -> Iterator[str]:
    """A job belongs to one attempt; a fact about an attempt is in its row, or the history says why not."""
    told = {text for event in seen.events if event.type == "incident" for text in _words(event)}
    owners = collections.Counter((one.account_id, one.job_id) for one in seen.attempts if one.job_id)
    for (_, job_id), number in owners.items():
        if number > 1 and job_id not in told:
            yield f"job {job_id} belongs to {number} attempts"
    facts = collections.Counter(one.job_id for one in seen.jobs)
    attempts = {one.id: one for one in seen.attempts}
    for one in seen.attempts:
        if one.job_id and facts[one.job_id] != 1:
            yield f"job {one.job_id} of attempt {one.id} has {facts[one.job_id]} rows of facts"
    for fact in seen.jobs:
        known = attempts.get(fact.attempt_id)
        if known is not None and known.job_id != fact.job_id and fact.job_id not in told:
            yield f"job {fact.job_id} was recorded for attempt {known.id}, which has {known.job_id or 'none'}"


def _words(event: Any) -> Iterable[str]:
    return [*event.message.replace(",", " ").replace(":", " ").split(), *event.attributes.values()]


def _slots(seen: Snapshot) -> Iterator[str]:
    """No more are sent out than an account has slots; what turned up again, or is looked for, was not sent out."""
    unexpected = {event.attributes.get("attempt_id") for event in seen.events if event.type in _UNEXPECTED}
    used = collections.Counter(
        one.account_id for one in seen.attempts if one.state in _IN_FLIGHT and str(one.id) not in unexpected
    )
    for account in seen.accounts:
        if used[account.id] > account.slots:
            yield f"account {account.id} has {used[account.id]} attempts in flight and {account.slots} slots"


def _takes(seen: Snapshot) -> Iterator[str]:
    """Every clip that was paid for is in the video or in a take; one take at most is delivered, and as a video."""
    of = _by_generation(seen)
    for one in seen.generations:
        shots, attempts = of[one.id]
        promoted = [take for take in one.takes if take["promoted"]]
        if [take["number"] for take in one.takes] != list(range(1, len(one.takes) + 1)):
            yield f"the takes of generation {one.id} are not numbered"
        if len(promoted) > 1 or (promoted and (one.state, one.delivery) != ("COMPLETED", "VIDEO")):
            yield f"generation {one.id} is {one.state} with {len(promoted)} takes promoted"
        made = {str(two.id): two for two in attempts if two.state == "SUCCEEDED"}
        for take in one.takes:
            if take["attempt_id"] and take["attempt_id"] not in made:
                yield f"take {take['number']} of generation {one.id} is of no attempt that succeeded"
            if take["whole"] and len(take["clip_asset_ids"]) != len(shots):
                yield f"take {take['number']} of generation {one.id} is not whole"
            if (take["state"] == "READY") != bool(take["result"]["files"]):
                yield f"take {take['number']} of generation {one.id} is {take['state']} with the wrong files"
        used = {shot.clip_asset_id for shot in shots} | {clip for take in one.takes for clip in take["clip_asset_ids"]}
        if one.delete_time is None:
            lost = [two for two in made.values() if not two.ending and two.clip_asset_id not in used]
            yield from (f"the clip of attempt {two.id} is in no video and no take" for two in lost)


def _by_generation(seen: Snapshot) -> Mapping[Any, tuple[list[Any], list[Any]]]:
    found: dict[Any, tuple[list[Any], list[Any]]] = collections.defaultdict(lambda: ([], []))
    for place, rows in enumerate((seen.shots, seen.attempts)):
        for one in rows:
            found[one.generation_id][place].append(one)
    return found


def _takes_done(seen: Snapshot) -> Iterator[str]:
    for one in seen.generations:
        waiting = [take["number"] for take in one.takes if take["state"] == "PROCESSING" and one.delete_time is None]
        yield from (f"take {number} of generation {one.id} is not processed" for number in waiting)


def _watchers(seen: Snapshot) -> Iterator[str]:
    """Whoever watches holds a lease; one that ends in the moment of a Record leaves an attempt to the next sweep."""
    if not seen.leases:
        return
    active = {lease.worker_id for lease in seen.leases if lease.active}
    for one in seen.attempts:
        if one.state in _UNRESOLVED and one.watcher_id and one.watcher_id not in active:
            yield f"attempt {one.id} is {one.state} and watched by {one.watcher_id}, which holds no lease"


def _ended(seen: Snapshot) -> Iterator[str]:
    """Every generation has ended, each of its runs in one way."""
    shots: dict[Any, list[Any]] = collections.defaultdict(list)
    for one in seen.shots:
        shots[one.generation_id].append(one)
    endings = collections.Counter(event.generation_id for event in seen.events if event.type in _ENDINGS)
    for one in seen.generations:
        if one.state not in _ENDED:
            yield f"generation {one.id} is {one.state}"
        elif endings[one.id] != one.run:
            yield f"generation {one.id} has ended {endings[one.id]} times in {one.run} runs"
        if one.delivery == "VIDEO" and not all(two.state == "DONE" and two.clip_asset_id for two in shots[one.id]):
            yield f"generation {one.id} delivered a video out of shots that are not made"
        shown = {"VIDEO": "files", "INFOGRAPHIC": "infographic", "TEXT": "text"}.get(one.delivery)
        if shown and not one.result.get(shown):
            yield f"generation {one.id} delivered {one.delivery} and has none"


def _nothing_left(seen: Snapshot) -> Iterator[str]:
    yield from (f"attempt {one.id} is {one.state}" for one in seen.attempts if one.state in _OPEN)
    yield from (f"step {one.id} is {one.state}" for one in seen.steps if one.state in ("SENT", "RUNNING"))
    if seen.outbox:
        yield f"{len(seen.outbox)} messages wait in the outbox"


# --- one snapshot after the other


def reachable(
    of: machine.Machine[Any, Any], states: Any, before: str, after: str, most_moves: int | None = None
) -> bool:
    """Tell whether a table leads from one state to another, in any number of moves or in so many at most."""
    return after in _reached(of, states, before, most_moves)


@functools.cache
def _reached(of: machine.Machine[Any, Any], states: Any, before: str, most_moves: int | None) -> frozenset[str]:
    known = {states(before)}
    for _ in range(len(of.table) if most_moves is None else most_moves):
        known |= {target for state in known for target in of.table[state].values()}
    return frozenset(state.value for state in known)


class Course:
    """What was seen of each row before: it may change only as its table says, and what is counted only grows."""

    #: Table, states and most moves that one transaction makes.
    _MACHINES = (
        ("generations", generation.MACHINE, generation.GenerationState, 3),
        ("shots", shot.MACHINE, shot.ShotState, 3),
        ("attempts", attempt.MACHINE, attempt.AttemptState, 2),
        ("steps", step.MACHINE, step.StepState, 2),
    )

    def __init__(self, *, every_commit: bool) -> None:
        """Begin with nothing seen; `every_commit` says that no transaction will be missed."""
        self._every_commit = every_commit
        self._seen: dict[Any, Any] = {}
        self._facts: set[tuple[str, str]] = set()

    def follow(self, seen: Snapshot) -> list[str]:
        """Return what may not have become of the rows since the last snapshot that had them."""
        wrong = [
            line
            for name, of, states, most in self._MACHINES
            for one in getattr(seen, name)
            for line in self._moved(name, of, states, most if self._every_commit else None, one)
        ]
        wrong += [line for one in seen.generations for line in self._counted(one)]
        wrong += [line for one in seen.attempts for line in self._begun(one)]
        self._seen.update({one.id: one for name, *_ in self._MACHINES for one in getattr(seen, name)})
        return wrong

    def _moved(self, name: str, of: Any, states: Any, most: int | None, one: Any) -> Iterator[str]:
        before = self._seen.get(one.id)
        if before is not None and not reachable(of, states, before.state, one.state, most):
            yield f"{name} {one.id} went from {before.state} to {one.state}"

    def _counted(self, one: Any) -> Iterator[str]:
        before = self._seen.get(one.id)
        if before is None or one == before:
            return
        if one.revision <= before.revision:
            yield f"generation {one.id} changed at revision {one.revision}, after {before.revision}"
        if one.sequence < before.sequence or one.run < before.run:
            yield f"generation {one.id} counts backwards"

    def _begun(self, one: Any) -> Iterator[str]:
        before = self._seen.get(one.id)
        if before is None:
            return
        if before.nonce not in ("", one.nonce):
            yield f"attempt {one.id} was begun by {before.nonce}, and then by {one.nonce}"
        if one.spent_micros < before.spent_micros:
            yield f"attempt {one.id} had spent {before.spent_micros} and now {one.spent_micros}"


# --- the record and the world outside


def paid_once(submits: Mapping[str, int]) -> list[str]:
    """Return the attempts that a vendor was asked for more than once; `submits` counts complete requests."""
    return [f"attempt {one} was sent to the vendor {times} times" for one, times in submits.items() if times > 1]


def all_claimed(seen: Snapshot, jobs: Collection[str]) -> list[str]:
    """Return the vendor's jobs that no attempt has: paid, perhaps, and thrown away."""
    claimed = {one.job_id for one in seen.attempts}
    return [f"job {job} at the vendor belongs to no attempt" for job in jobs if job not in claimed]


def one_take(seen: Snapshot) -> list[str]:
    """Return the shots that were made more than once although each take was good."""
    good = collections.Counter(
        one.shot_id for one in seen.attempts if one.state == attempt.AttemptState.SUCCEEDED and not one.ending
    )
    return [f"shot {one} was paid for {times} times" for one, times in good.items() if times > 1]


def billed(seen: Snapshot, bills: Mapping[str, int]) -> list[str]:
    """Return the attempts whose cost is not what the vendor billed for their jobs, micro-dollars by job."""
    return [
        f"attempt {one.id} has spent {one.spent_micros}, {one.job_id} was billed with {bills[one.job_id]}"
        for one in seen.attempts
        if one.job_id in bills and one.state not in _OPEN and one.spent_micros != bills[one.job_id]
    ]


def assets_in_use(seen: Snapshot) -> dict[str, str]:
    """Return the assets that the record refers to for good, each with the generation that owns it."""
    there = {one.id for one in seen.generations if one.delete_time is None}
    clips = [one for one in seen.attempts if one.clip_asset_id and one.generation_id in there]
    used = {one.clip_asset_id: str(one.generation_id) for one in clips}
    for one in seen.generations:
        if one.id in there:
            results = [one.result, *(take["result"] for take in one.takes)]
            named = [asset_id for result in results for asset_id in _named(result)]
            used.update({asset_id: str(one.id) for asset_id in named if asset_id})
    return used


def _named(result: Mapping[str, Any]) -> list[str]:
    files = [*result["files"], *([result["infographic"]] if result.get("infographic") else [])]
    return [*(file["asset_id"] for file in files), result["thumbnail_asset_id"], result["poster_asset_id"]]


def owned(seen: Snapshot, writes: Rows, keys: Collection[str]) -> list[str]:
    """Return what is wrong with the assets once the sweep has been at them for days.

    Args:
        seen: the record.
        writes: the rows of storage's index.
        keys: what is in the bucket.
    """
    used = assets_in_use(seen)
    stored = {str(one.asset_id): one for one in writes if one.state == "STORED"}
    wrong = [f"asset {one} is in use and gone" for one in used if one not in stored]
    wrong += [f"asset {one} ({row.kind}) has no owner" for one, row in stored.items() if one not in used]
    wrong += [f"asset {one} belongs to another" for one, row in stored.items() if _stranger(used.get(one), row)]
    known = {row.key for row in stored.values()}
    orphaned = {key for key in set(keys) - known if not key.startswith(note.FOLDER)}
    wrong += [f"the bytes under {key} are orphaned" for key in sorted(orphaned)]
    wrong += [f"the bytes under {key} are gone" for key in sorted(known - set(keys))]
    return wrong


def _stranger(owner: str | None, row: Any) -> bool:
    return owner is not None and str(row.generation_id) != owner
