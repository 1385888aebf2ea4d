"""What is kept while lost jobs are looked for: eras, accounts, and what was found there."""

import uuid
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from reelmesh_kit import ids, sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import loading, rows, standing, tables
from reelmesh_orchestrator.model import attempt, card, eras, facts, generation, recovering

_ERAS = tables.ERAS.c
_ATTEMPTS = tables.ATTEMPTS.c
_FOUND = tables.FOUND_JOBS.c
_GENERATIONS = tables.GENERATIONS.c
_JOBS = tables.PROVIDER_JOBS.c
_UNBEGUN = sorted(state.value for state in attempt.UNBEGUN)
_AT_WORK = sorted(state.value for state in (*generation.WORKING, generation.GenerationState.CANCELLING))
# Seeds that one question names: SQLite takes no more than 32766 parameters.
_SEEDS_LIMIT = 10_000

_LAST_ERA = sa.select(tables.ERAS).order_by(_ERAS.number.desc()).limit(1)
_TAGGED = sql.Bundle(
    found=sa.select(tables.FOUND_JOBS).where(_FOUND.adopted_by.is_(None), sql.among(_FOUND.attempt_id, "attempt_ids"))
)
_KNOWN = sql.Bundle(known=sa.select(_ATTEMPTS.id, _ATTEMPTS.state).where(sql.among(_ATTEMPTS.id, "attempt_ids")))


class SqlEraStore:
    """`ports.EraStore` over one SQL transaction."""

    def __init__(self, transaction: sql.Transaction, fresh: ids.Ids) -> None:
        """Wrap a transaction."""
        self._transaction = transaction
        self._ids = fresh

    # --- the record

    def standing(self, marks: Sequence[eras.Mark] = ()) -> eras.Standing:
        """Return what the record says of itself."""
        return standing.standing(self._transaction, marks)

    def begin_case(
        self, attempt_id: uuid.UUID, worker_id: str, marks: Sequence[eras.Mark]
    ) -> tuple[ports.Case, eras.Standing]:
        """Return what there is to know when a worker wants to submit."""
        return loading.begin_case(self._transaction, attempt_id, worker_id, marks)

    def open_era(self, now_known: eras.Standing, reason: str, name: str, lost_era_id: uuid.UUID | None) -> eras.Era:
        """Begin the next era."""
        before = now_known.era
        era = eras.Era(
            number=before.number + 1 if before else 1,
            id=self._ids.fresh(),
            state=eras.EraState.LOOKING if before else eras.EraState.STANDING,
            identity=self._server(),
            name=name,
            reason=reason,
            begin_time=self._transaction.now,
            head_time=now_known.head_time,
            end_time=None if before else self._transaction.now,
            pruned_to=before.pruned_to if before else 0,
            lost_era_id=lost_era_id,
        )
        self._transaction.changes.insert(tables.ERAS, [rows.of_era(era)])
        if era.open:
            accounts = self._transaction.rows(sa.select(tables.ACCOUNTS))
            for row in accounts:
                self.ask(era.number, card.Account(**sql.columns(row)))
        return era

    def _server(self) -> str:
        row = self._transaction.row(sa.select(sql.server().label("server")))
        return row.server if row else ""

    def lock_era(self) -> eras.Era | None:
        """Return the present era, its row locked."""
        row = self._transaction.row(self._transaction.locking(_LAST_ERA))
        return rows.to_era(sql.columns(row)) if row else None

    def put_era(self, era: eras.Era) -> None:
        """Write the present era."""
        columns = rows.of_era(era)
        self._transaction.execute(tables.ERAS.update().where(_ERAS.number == era.number).values(columns))

    def eras(self, limit: int) -> Sequence[eras.Era]:
        """Return the newest eras."""
        newest_first = sa.select(tables.ERAS).order_by(_ERAS.number.desc()).limit(limit)
        return [rows.to_era(sql.columns(row)) for row in self._transaction.rows(newest_first)]

    # --- accounts that are looked through

    def censuses(self, era_number: int) -> Sequence[recovering.Census]:
        """Return what is known about accounts in an era."""
        columns = tables.CENSUSES.c
        statement = sa.select(tables.CENSUSES).where(columns.era == era_number).order_by(columns.account_id)
        return [rows.to_census(sql.columns(row)) for row in self._transaction.rows(statement)]

    def put_census(self, era_number: int, census: recovering.Census) -> None:
        """Keep what is known about an account."""
        columns = {**rows.of_census(census), "update_time": self._transaction.now}
        table = tables.CENSUSES
        key = {"era": era_number, "account_id": census.account_id}
        if not self._transaction.insert_if_absent(table, {**key, **columns}):
            here = sa.and_(table.c.era == era_number, table.c.account_id == census.account_id)
            self._transaction.execute(table.update().where(here).values(columns))

    def ask(self, era_number: int, account: card.Account) -> None:
        """Have an account looked through."""
        asked = recovering.Census(account.id, account.provider, recovering.CensusState.ASKED, 0, False, "")
        columns = {"era": era_number, **rows.of_census(asked), "update_time": self._transaction.now}
        self._transaction.insert_if_absent(tables.CENSUSES, columns)

    def crews(self, era_id: uuid.UUID) -> Mapping[str, recovering.Crew]:
        """Return the workers of each provider."""
        columns = tables.LEASES.c
        answered = sa.func.sum(sa.case((columns.counted_era == str(era_id), 1), else_=0)).label("answered")
        statement = (
            sa.select(columns.pool, sa.func.count().label("alive"), answered)
            .where(columns.active, columns.kind == ports.PROVIDER_WORKER)
            .group_by(columns.pool)
        )
        return {row.pool: recovering.Crew(row.alive, row.answered) for row in self._transaction.rows(statement)}

    # --- jobs

    def keep_found(self, era_number: int, found: Sequence[recovering.Found]) -> int:
        """Keep jobs that no attempt is known to have."""
        known = self._known_jobs([one.job_id for one in found])
        there = self._found_jobs([one.job_id for one in found])
        fresh: dict[tuple[str, str], recovering.Found] = {}
        for one in found:
            key = (one.project, one.job_id)
            if key in known:
                continue
            if key not in there:
                best = fresh.get(key)
                fresh[key] = one if best is None or best.evidence < one.evidence else best
            elif there[key] < one.evidence:
                better = rows.of_found(one)
                here = sa.and_(_FOUND.project == one.project, _FOUND.job_id == one.job_id)
                self._transaction.execute(tables.FOUND_JOBS.update().where(here).values(better))
        kept = {"era": era_number, "create_time": self._transaction.now, "adopted_by": None}
        self._transaction.changes.insert(tables.FOUND_JOBS, [{**rows.of_found(one), **kept} for one in fresh.values()])
        return len(fresh)

    def _known_jobs(self, job_ids: Sequence[str]) -> set[tuple[str, str]]:
        """Return which of these jobs belong to attempts that there are."""
        owned = sa.exists().where(_ATTEMPTS.id == _JOBS.attempt_id)
        statement = sa.select(_JOBS.project, _JOBS.job_id).where(_JOBS.job_id.in_(job_ids), owned)
        return {(row.project, row.job_id) for row in self._transaction.rows(statement)}

    def _found_jobs(self, job_ids: Sequence[str]) -> dict[tuple[str, str], facts.Evidence]:
        statement = sa.select(_FOUND.project, _FOUND.job_id, _FOUND.evidence).where(_FOUND.job_id.in_(job_ids))
        return {(row.project, row.job_id): facts.Evidence(row.evidence) for row in self._transaction.rows(statement)}

    def found(self, attempt_ids: Iterable[uuid.UUID], seeds: Iterable[int]) -> Sequence[recovering.Found]:
        """Return jobs that belong to nobody yet."""
        tagged = self._transaction.ask(_TAGGED, attempt_ids=list(attempt_ids))["found"]
        return [*map(rows.to_found, tagged), *self._with_seeds(list(seeds))]

    def _with_seeds(self, seeds: Sequence[int]) -> list[recovering.Found]:
        found: list[recovering.Found] = []
        for start in range(0, len(seeds), _SEEDS_LIMIT):
            here = _FOUND.seed.in_(seeds[start : start + _SEEDS_LIMIT])
            statement = sa.select(tables.FOUND_JOBS).where(
                _FOUND.adopted_by.is_(None), _FOUND.attempt_id.is_(None), here
            )
            found += [rows.to_found(sql.columns(row)) for row in self._transaction.rows(statement)]
        return found

    def unclaimed(self) -> bool:
        """Return whether there are jobs that belong to nobody yet. Who keeps one has the era's row locked."""
        self._transaction.row(self._transaction.locking(_LAST_ERA, shared=True))
        found = sa.select(_FOUND.job_id).where(_FOUND.adopted_by.is_(None)).limit(1)
        return self._transaction.row(found) is not None

    def claim_found(self, adopted: Sequence[recovering.Adoption]) -> None:
        """Note whose jobs are that were found."""
        for one in adopted:
            here = sa.and_(_FOUND.project == one.found.project, _FOUND.job_id == one.found.job_id)
            owner = {"adopted_by": one.job.attempt_id}
            self._transaction.execute(tables.FOUND_JOBS.update().where(here).values(owner))

    def claim(self, project: str, job_id: str) -> ports.Claim | None:
        """Return what the facts say about a job."""
        statement = sa.select(tables.PROVIDER_JOBS).where(_JOBS.project == project, _JOBS.job_id == job_id)
        row = self._transaction.row(statement)
        return rows.to_claim(sql.columns(row)) if row else None

    def orphans(self, after: ports.OrphanPlace | None, limit: int) -> Sequence[ports.Orphan]:
        """Return jobs that belong to nobody."""
        statement = sa.select(tables.FOUND_JOBS).where(_FOUND.adopted_by.is_(None))
        if after is not None:
            here, there = sa.tuple_(_FOUND.project, _FOUND.job_id), sa.tuple_(after.project, after.job_id)
            statement = statement.where(here > there)
        found = self._transaction.rows(statement.order_by(_FOUND.project, _FOUND.job_id).limit(limit))
        return [ports.Orphan(rows.to_found(sql.columns(row)), row.create_time) for row in found]

    def unsettled(self, after: uuid.UUID | None, limit: int) -> Sequence[uuid.UUID]:
        """Return generations to which lost jobs may belong."""
        orphan = sa.exists().where(_FOUND.adopted_by.is_(None))
        owns = (
            sa.exists()
            .where(_ATTEMPTS.generation_id == _GENERATIONS.id, _ATTEMPTS.id == _FOUND.attempt_id)
            .where(_FOUND.adopted_by.is_(None))
        )
        failed = sa.and_(_GENERATIONS.state == generation.GenerationState.FAILED.value, orphan)
        statement = sa.select(_GENERATIONS.id).where(sa.or_(_GENERATIONS.state.in_(_AT_WORK), failed, owns))
        if after is not None:
            statement = statement.where(_GENERATIONS.id > after)
        return [row.id for row in self._transaction.rows(statement.order_by(_GENERATIONS.id).limit(limit))]

    def forgotten(self, attempt_ids: Iterable[uuid.UUID]) -> Sequence[uuid.UUID]:
        """Return attempts of which the record does not know that anybody has begun them."""
        asked = list(attempt_ids)
        known = {row["id"]: row["state"] for row in self._transaction.ask(_KNOWN, attempt_ids=asked)["known"]}
        return [one for one in asked if known.get(one, _UNBEGUN[0]) in _UNBEGUN]
