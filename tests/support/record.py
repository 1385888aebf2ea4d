"""What tests of the orchestrator's record are made of: generations of any tenant, written and moved as use cases do."""

import asyncio
import contextlib
import dataclasses
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from reelmesh_kit import clock, ids, sql
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import record, tables
from reelmesh_orchestrator.model import draft, facts
from reelmesh_orchestrator.ports import counting
from reelmesh_orchestrator.usecases import attempts, crowding, generations, pools, transitions, vouching

from tests.support import orchestrator

Result = TypeVar("Result")
PACKAGE = "reelmesh_orchestrator"
WORKER = "worker-1"


@dataclasses.dataclass
class Kept:
    """A record on a real database, and the messages and decisions that it gave away after commits."""

    database: sql.Database
    record: record.SqlRecord
    outgoing: list[ports.Outgoing]
    decisions: list[counting.Decided]

    async def write(self, work: Callable[[ports.Store], Result]) -> Result:
        """Run work in one transaction."""
        return await self.record.write(work)

    async def read(self, work: Callable[[ports.Store], Result]) -> Result:
        """Run work that changes nothing."""
        return await self.record.read(work)

    async def rows(self, statement: sa.Select[*tuple[Any, ...]]) -> Sequence[sa.Row[Any]]:
        """Look at the tables themselves."""
        return await self.database.read(lambda transaction: transaction.rows(statement))

    async def count(self, table: sa.Table, *conditions: Any) -> int:
        """Count rows."""
        found = await self.rows(sa.select(sa.func.count().label("number")).select_from(table).where(*conditions))
        return found[0].number

    async def admit(self, number: int, **wishes: Any) -> draft.Aggregate:
        """Admit generation `number`, and return it as it stands in the record."""

        def work(store: ports.Store) -> draft.Aggregate:
            return store.insert(admitted(number, store, **wishes))

        return await self.write(work)

    async def decide(self, number: int, decision: Callable[[draft.Draft], Result]) -> Result:
        """Run a decision on generation `number`, and what follows from it."""
        return await self.write(
            lambda store: transitions.on_generation(store, identifier(number), orchestrator.POLICY, decision)
        )

    async def look(self, number: int) -> draft.Aggregate:
        """Return generation `number`."""
        found = await self.read(lambda store: store.look(identifier(number)))
        assert found is not None
        return found

    async def put_accounts(self, *providers: str, slots: int = 10) -> None:
        """Make an account for each provider."""
        for provider in providers:
            await self.write(lambda store, one=provider: store.put_account(orchestrator.account(one, slots=slots)))

    async def advance_to(self, number: int, stage: str, worker_id: str = WORKER) -> uuid.UUID:
        """Bring the latest attempt to "dispatched", "submitting", "indeterminate" or "accepted"; return its id."""
        attempt_id = (await self.look(number)).attempts[-1].id
        nonce = f"nonce {attempt_id}"
        job = facts.Job("account", f"job {attempt_id}", attempt_id, facts.Evidence.RECORD)
        steps: dict[str, Callable[[draft.Draft], Any]] = {
            "dispatched": lambda going: facts.dispatch(going, attempt_id),
            "submitting": lambda going: facts.begin(going, attempt_id, worker_id, nonce),
            "indeterminate": lambda going: facts.doubt(going, attempt_id, "lost"),
            "accepted": lambda going: facts.record(going, attempt_id, job, worker_id, None),
        }
        path = ["dispatched", "submitting", stage] if stage in ("indeterminate", "accepted") else list(steps)
        for name in path[: path.index(stage) + 1]:
            await self.decide(number, steps[name])
        return attempt_id


def identifier(number: int) -> uuid.UUID:
    """Return the id of generation `number`."""
    return uuid.UUID(int=number + 1)


def admitted(number: int, store: ports.Store, *, tenant_id: str = "tenant", **wishes: Any) -> draft.Draft:
    """Return generation `number` as it is admitted in this transaction."""
    wishes.setdefault("now", store.now)
    made = orchestrator.admitted(*wishes.pop("cards", ()), generation_id=identifier(number), **wishes)
    made.put_generation(dataclasses.replace(made.generation, tenant_id=tenant_id))
    return made


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Kept]:
    """Open a record with the schema up to date."""
    async with sql.open_database(url, clock.SystemClock(), migrations=PACKAGE) as database:
        yield over(database)


def over(database: sql.Database) -> Kept:
    """Return a record on a database whose schema is up to date."""
    outgoing: list[ports.Outgoing] = []
    decisions: list[counting.Decided] = []
    return Kept(
        database,
        record.SqlRecord(database, ids.RandomIds(), outgoing.extend, decisions.append),
        outgoing,
        decisions,
    )


def pools_of(kept: Kept) -> pools.Pools:
    """Return the verbs of workers' leases."""
    seen = vouching.Seen(compared=True)
    return pools.Pools(
        kept.record, orchestrator.POLICY, seen, submit_within_seconds=1.0, free_slots=2, step_grace_seconds=15.0
    )


def attempts_of(kept: Kept, seen: vouching.Seen | None = None) -> attempts.Attempts:
    """Return the verbs of the attempt protocol, by default of a process that has compared the record with its note."""
    return attempts.Attempts(kept.record, orchestrator.POLICY, seen or vouching.Seen(compared=True))


class _Nothing:
    """No assets and no progress."""

    async def check_references(self, asset_ids: Sequence[str], tenant_id: str) -> None:
        """Find them all."""

    def percent(self, aggregate: object) -> int:
        return 0


def generations_of(kept: Kept) -> generations.Generations:
    """Return the verbs of users; every picture that they name is there."""
    nothing = cast("Any", _Nothing())
    crowded = crowding.Crowding(kept.record, clock.ManualClock(), limit=1000)
    return generations.Generations(
        kept.record, nothing, nothing, ids.RandomIds(), orchestrator.POLICY, crowded, most_open=1000
    )


async def ledger_of(kept: Kept, attempt_id: uuid.UUID) -> dict[str, int]:
    """Return the sums of an attempt's entries by kind, micro-dollars."""
    columns = tables.LEDGER.c
    statement = (
        sa.select(columns.kind, sa.func.sum(columns.amount_micros).label("total"))
        .where(columns.attempt_id == attempt_id)
        .group_by(columns.kind)
    )
    return {row.kind: int(row.total) for row in await kept.rows(statement)}


async def together(*work: Callable[[], Any]) -> list[Any]:
    """Run all at once; return the results, raising the first error."""
    return list(await asyncio.gather(*(one() for one in work)))
