"""The judgement at the end: what was lost, paid twice or left behind, by the record, vendor, bucket and clients."""

import dataclasses
import itertools
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import clock, sql
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_storage.adapters.sql import tables as storage_tables

from tests.chaos import history, places, vendor
from tests.support import invariants

QUIET_SECONDS = 90.0
LOOK_SECONDS = 0.5
STORED = "STORED"


@dataclasses.dataclass
class Judgement:
    """What was found."""

    lost: list[str] = dataclasses.field(default_factory=list[str])
    submitted_twice: list[str] = dataclasses.field(default_factory=list[str])
    orphans: list[str] = dataclasses.field(default_factory=list[str])
    #: Whatever else may not be.
    broken: list[str] = dataclasses.field(default_factory=list[str])
    #: Assets that are kept for what the record has forgotten.
    left_over: int = 0

    @property
    def sentences(self) -> list[str]:
        """Everything."""
        return [*self.lost, *self.submitted_twice, *self.orphans, *self.broken]


async def until_quiet(database: sql.Database, time: clock.Clock) -> list[str]:
    """Wait until nothing is under way; return what still is when patience ends."""
    ends = time.elapsed() + QUIET_SECONDS
    while True:
        left = await invariants.quiet(database)
        if not left or time.elapsed() > ends:
            return left
        await time.sleep(LOOK_SECONDS)


async def judged(
    stands_on: places.Places,
    database: sql.Database,
    told: history.History,
    now_known: Mapping[str, dict[str, Any]],
    noticed: Collection[str],
    touched: Collection[uuid.UUID] = (),
) -> Judgement:
    """Judge a mesh in which nothing is under way any more.

    Args:
        stands_on: what it stands on.
        database: the record.
        told: what clients were told.
        now_known: every acknowledged generation that can be read now, by its id.
        noticed: what was wrong while it ran.
        touched: generations of which the record has forgotten something.
    """
    seen = await database.read(invariants.Snapshot)
    found = Judgement()
    for sentence in told.judged(dict(now_known)):
        (found.lost if "acknowledged" in sentence else found.broken).append(sentence)
    found.submitted_twice += _submitted_twice(stands_on.vendor, told.forgotten)
    found.submitted_twice += invariants.one_take(seen)
    found.orphans += await _jobs_without_rows(database, seen, stands_on.vendor)
    wrong, found.left_over = await _bytes_without_owners(stands_on, seen, touched)
    found.orphans += wrong
    found.broken += noticed
    found.broken += invariants.wrong_when_quiet(seen)
    found.broken += invariants.billed(seen, stands_on.vendor.bills)
    return found


def _submitted_twice(at: vendor.Vendor, forgotten: Sequence[tuple[float, float]]) -> list[str]:
    """Return the attempts that came to two jobs, or to two submits with no reason for the second.

    A reason is that the record has forgotten the first, and that this came to no job.
    """
    jobs = Counter(job.tag for job in at.jobs.values())
    twice = [f"attempt {tag} has {number} jobs at the vendor" for tag, number in jobs.items() if number > 1]
    first = {job.tag: job.began for job in at.jobs.values()}
    for tag, arrivals in at.arrivals.items():
        for before, after in itertools.pairwise(arrivals):
            excused = any(since <= before <= back <= after for since, back in forgotten)
            if not excused or first.get(tag, after) < after:
                twice.append(f"attempt {tag} was sent to the vendor {len(arrivals)} times")
    return twice


async def _jobs_without_rows(database: sql.Database, seen: invariants.Snapshot, at: vendor.Vendor) -> list[str]:
    """Return the vendor's jobs that neither a row nor the report of orphans knows."""
    reported = await database.read(lambda transaction: transaction.rows(sa.select(tables.FOUND_JOBS.c.job_id)))
    known = {fact.job_id for fact in seen.jobs} | {attempt.job_id for attempt in seen.attempts}
    known |= {row.job_id for row in reported}
    unknown = [job for job in at.jobs.values() if job.job_id not in known]
    return [f"job {job.job_id} of attempt {job.tag} is known to nobody" for job in unknown]


async def _bytes_without_owners(
    stands_on: places.Places, seen: invariants.Snapshot, touched: Collection[uuid.UUID]
) -> tuple[list[str], int]:
    """Return what is in the bucket and will never be swept, and what is in use and gone.

    Besides, how many assets are kept for what the record has forgotten: storage was not put back, and has them.
    """
    left_over = 0
    async with sql.open_database(
        stands_on.urls["storage"], stands_on.chassis.clock, migrations="reelmesh_storage"
    ) as index:
        rows = await index.read(lambda transaction: transaction.rows(sa.select(storage_tables.WRITES)))
    keys = set(stands_on.bucket.keys())
    used = invariants.assets_in_use(seen)
    stored = {str(row.asset_id): row for row in rows if row.state == STORED}
    wrong = [f"the bytes under {key} have no row" for key in sorted(keys - {row.key for row in rows})]
    wrong += [f"the bytes of asset {one} are gone" for one, row in stored.items() if row.key not in keys]
    wrong += [f"asset {one} is in use and gone" for one in used if one not in stored]
    for one, row in stored.items():
        if row.expires_at is None and one not in used and row.generation_id in touched:
            left_over += 1
        elif row.expires_at is None and one not in used:
            wrong.append(f"asset {one} ({row.kind}) is kept for nobody")
        if one in used and row.expires_at is not None:
            wrong.append(f"asset {one} ({row.kind}) of generation {used[one]} is in use and will expire")
        if one in used and row.generation_id != uuid.UUID(used[one]):
            wrong.append(f"asset {one} belongs to generation {row.generation_id}, and {used[one]} uses it")
    return wrong, left_over
