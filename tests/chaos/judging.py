"""The judgement at the end: what was lost, paid twice or left behind, by the record, vendor, bucket and clients."""

import dataclasses
import uuid
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import clock, sql
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
) -> Judgement:
    """Judge a mesh in which nothing is under way any more.

    Args:
        stands_on: what it stands on.
        database: the record.
        told: what clients were told.
        now_known: every acknowledged generation that can be read now, by its id.
        noticed: what was wrong while it ran.
    """
    seen = await database.read(invariants.Snapshot)
    found = Judgement()
    for sentence in told.judged(dict(now_known)):
        (found.lost if "acknowledged" in sentence else found.broken).append(sentence)
    found.submitted_twice += invariants.paid_once(stands_on.vendor.submits)
    found.submitted_twice += invariants.one_take(seen)
    found.orphans += _jobs_without_rows(seen, stands_on.vendor)
    found.orphans += await _bytes_without_owners(stands_on, seen)
    found.broken += noticed
    found.broken += invariants.wrong_when_quiet(seen)
    found.broken += invariants.billed(seen, stands_on.vendor.bills)
    return found


def _jobs_without_rows(seen: invariants.Snapshot, at: vendor.Vendor) -> list[str]:
    """Return the vendor's jobs that neither a row nor the report of orphans knows."""
    known = {fact.job_id for fact in seen.jobs} | {attempt.job_id for attempt in seen.attempts}
    unknown = [job for job in at.jobs.values() if job.job_id not in known]
    return [f"job {job.job_id} of attempt {job.tag} is known to nobody" for job in unknown]


async def _bytes_without_owners(stands_on: places.Places, seen: invariants.Snapshot) -> list[str]:
    """Return what is in the bucket and will never be swept, and what is in use and gone."""
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
        if row.expires_at is None and one not in used:
            wrong.append(f"asset {one} ({row.kind}) is kept for nobody")
        if one in used and row.expires_at is not None:
            wrong.append(f"asset {one} ({row.kind}) of generation {used[one]} is in use and will expire")
        if one in used and row.generation_id != uuid.UUID(used[one]):
            wrong.append(f"asset {one} belongs to generation {row.generation_id}, and {used[one]} uses it")
    return wrong
