"""What must be true of the record whatever happened to the processes around it: read through its tables.

`always` holds at every moment, in one snapshot; `quiet` holds in addition once everything has ended. Each returns
sentences, one for each violation, so that a test says `assert not await invariants.always(database)`.
"""

import collections
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import sql
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import attempt, generation

ROWS_LIMIT = 100_000
_Rows = Sequence[sa.Row[Any]]
_UNRESOLVED = frozenset(state.value for state in attempt.UNRESOLVED)
_IN_FLIGHT = frozenset(state.value for state in attempt.IN_FLIGHT)
_OPEN = _UNRESOLVED | {state.value for state in attempt.UNBEGUN}
_ENDED = frozenset(state.value for state in generation.ENDED)


class Snapshot:
    """All rows, as one transaction sees them."""

    def __init__(self, transaction: sql.Transaction) -> None:
        """Read everything."""
        read = {
            table.name: transaction.rows(sa.select(table).limit(ROWS_LIMIT)) for table in tables.METADATA.sorted_tables
        }
        self.generations: _Rows = read["generations"]
        self.shots: _Rows = read["shots"]
        self.attempts: _Rows = read["attempts"]
        self.steps: _Rows = read["steps"]
        self.events: _Rows = read["events"]
        self.ledger: _Rows = read["ledger"]
        self.jobs: _Rows = read["provider_jobs"]
        self.outbox: _Rows = read["outbox"]
        self.accounts: _Rows = read["accounts"]
        self.leases: _Rows = read["leases"]


async def always(database: sql.Database) -> list[str]:
    """Return what is wrong although it may never be."""
    seen = await database.read(Snapshot)
    return [*_histories(seen), *_money(seen), *_paid_once(seen), *_slots(seen), *_watchers(seen)]


async def quiet(database: sql.Database) -> list[str]:
    """Return what is wrong once all generations have ended and nothing is under way."""
    seen = await database.read(Snapshot)
    return [*await always(database), *_ended(seen), *_nothing_left(seen)]


def _histories(seen: Snapshot) -> Iterator[str]:
    sequences: dict[Any, list[int]] = collections.defaultdict(list)
    for event in seen.events:
        sequences[event.generation_id].append(event.sequence)
    for one in seen.generations:
        if sorted(sequences[one.id]) != list(range(1, one.sequence + 1)):
            yield f"the events of generation {one.id} are {sorted(sequences[one.id])}, it counts {one.sequence}"


def _money(seen: Snapshot) -> Iterator[str]:
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
    unresolved = collections.Counter(one.shot_id for one in seen.attempts if one.state in _UNRESOLVED)
    yield from (f"shot {one} has {number} unresolved attempts" for one, number in unresolved.items() if number > 1)
    owners = collections.Counter((one.account_id, one.job_id) for one in seen.attempts if one.job_id)
    yield from (f"job {one} belongs to {number} attempts" for one, number in owners.items() if number > 1)
    facts = collections.Counter(one.job_id for one in seen.jobs)
    for one in seen.attempts:
        if one.job_id and facts[one.job_id] != 1:
            yield f"job {one.job_id} of attempt {one.id} has {facts[one.job_id]} rows of facts"


def _slots(seen: Snapshot) -> Iterator[str]:
    used = collections.Counter(one.account_id for one in seen.attempts if one.state in _IN_FLIGHT)
    for account in seen.accounts:
        if used[account.id] > account.slots:
            yield f"account {account.id} has {used[account.id]} attempts in flight and {account.slots} slots"


def _watchers(seen: Snapshot) -> Iterator[str]:
    active = {lease.worker_id for lease in seen.leases if lease.active}
    for one in seen.attempts:
        if one.state in _UNRESOLVED and one.watcher_id and one.watcher_id not in active:
            yield f"attempt {one.id} is {one.state} and watched by {one.watcher_id}, which holds no lease"


def _ended(seen: Snapshot) -> Iterator[str]:
    shots: dict[Any, list[Any]] = collections.defaultdict(list)
    for one in seen.shots:
        shots[one.generation_id].append(one)
    for one in seen.generations:
        if one.state not in _ENDED:
            yield f"generation {one.id} is {one.state}"
        if one.delivery == "VIDEO" and not all(two.state == "DONE" and two.clip_asset_id for two in shots[one.id]):
            yield f"generation {one.id} delivered a video out of shots that are not made"


def _nothing_left(seen: Snapshot) -> Iterator[str]:
    yield from (f"attempt {one.id} is {one.state}" for one in seen.attempts if one.state in _OPEN)
    yield from (f"step {one.id} is {one.state}" for one in seen.steps if one.state in ("SENT", "RUNNING"))
    if seen.outbox:
        yield f"{len(seen.outbox)} messages wait in the outbox"
