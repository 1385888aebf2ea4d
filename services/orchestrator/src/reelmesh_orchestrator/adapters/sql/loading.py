"""Reads what decisions are taken on: a generation with all that belongs to it, in one round trip."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import health, rows, standing, tables
from reelmesh_orchestrator.model import draft, eras

_Questions = dict[str, sa.Select[Any]]
# What ids of jobs are unique within when nobody said so, and their attempt is not known either.
_UNKNOWN_PROJECT = "unknown"


def _family(belongs: Callable[[sa.Column[Any]], sa.ColumnElement[bool]]) -> _Questions:
    """Return the questions for generations and what is theirs; `belongs` says whose, by a column of their ids."""
    return {
        "generations": sa.select(tables.GENERATIONS).where(belongs(tables.GENERATIONS.c.id)),
        **{
            table.name: sa.select(table).where(belongs(table.c.generation_id))
            for table in (tables.SHOTS, tables.ATTEMPTS, tables.STEPS)
        },
    }


def _owner(table: sa.Table, parameter: str) -> sa.ScalarSelect[Any]:
    return sa.select(table.c.generation_id).where(table.c.id == sql.parameter(parameter, sa.Uuid)).scalar_subquery()


def _of_attempt() -> _Questions:
    owner = _owner(tables.ATTEMPTS, "attempt_id")
    return _family(lambda column: column == owner)


def _of_step() -> _Questions:
    owner = _owner(tables.STEPS, "step_id")
    return _family(lambda column: column == owner)


def _of_attempts() -> _Questions:
    owners = sa.select(tables.ATTEMPTS.c.generation_id).where(sql.among(tables.ATTEMPTS.c.id, "attempt_ids"))
    return _family(lambda column: column.in_(owners))


def _claims() -> sa.Select[Any]:
    """Return the question for what is known of a job: by its attempt, and by where its id is unique."""
    jobs, attempts = tables.PROVIDER_JOBS.c, tables.ATTEMPTS.c
    account = (
        sa.select(attempts.account_id).where(attempts.id == sql.parameter("attempt_id", sa.Uuid)).scalar_subquery()
    )
    project = sa.func.coalesce(
        sa.func.nullif(sql.parameter("project", sa.Text), sa.literal_column("''")),
        account,
        sa.literal_column(f"'{_UNKNOWN_PROJECT}'"),
    )
    return sa.select(tables.PROVIDER_JOBS).where(
        jobs.job_id == sql.parameter("job_id", sa.Text),
        sa.or_(jobs.attempt_id == sql.parameter("attempt_id", sa.Uuid), jobs.project == project),
    )


def _leases(worker_id: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return sa.select(tables.LEASES).where(tables.LEASES.c.worker_id == worker_id)


def _open_count() -> sa.Select[Any]:
    columns = tables.GENERATIONS.c
    return sa.select(sa.func.count().label("number")).where(
        columns.tenant_id == sql.parameter("tenant_id", sa.Text), tables.UNENDED
    )


def _open_of_all() -> sa.Select[Any]:
    found = sa.select(tables.GENERATIONS.c.tenant_id).where(tables.UNENDED).limit(sql.parameter("limit", sa.Integer))
    return sa.select(sa.func.count().label("number")).select_from(found.subquery())


_BY_ID = sql.Bundle(**_family(lambda column: column == sql.parameter("generation_id", sa.Uuid)))
_BY_IDS = sql.Bundle(**_family(lambda column: sql.among(column, "generation_ids")))
_REVISIONS = sql.Bundle(
    revisions=sa.select(tables.GENERATIONS.c.id, tables.GENERATIONS.c.revision).where(
        sql.among(tables.GENERATIONS.c.id, "generation_ids")
    )
)
_BY_ATTEMPT = sql.Bundle(**_of_attempt())
_BY_STEP = sql.Bundle(**_of_step())
_CHARGES = sql.Bundle(**_of_attempts())
_CASE = sql.Bundle(
    **_of_attempt(), leases=_leases(sql.parameter("worker_id", sa.Text)), claims=_claims(), **health.of_attempt()
)
_BEGIN = sql.Bundle(
    **_of_attempt(),
    leases=_leases(sql.parameter("worker_id", sa.Text)),
    **standing.questions(),
    **health.of_attempt(),
)
_STEP_CASE = sql.Bundle(
    **_of_step(),
    leases=_leases(
        sa.select(tables.STEPS.c.worker_id)
        .where(tables.STEPS.c.id == sql.parameter("step_id", sa.Uuid))
        .scalar_subquery()
    ),
)
_ADMISSION = sql.Bundle(
    **_family(lambda column: column == sql.parameter("generation_id", sa.Uuid)),
    open=_open_count(),
    accounts=sa.select(tables.ACCOUNTS),
    cards=sa.select(tables.CARDS),
    **standing.present(),
    **health.present(),
)

_OPEN_OF_ALL = sql.Bundle(open=_open_of_all())

_EVENTS = sql.Bundle(
    owned=sa.select(tables.GENERATIONS.c.id).where(
        tables.GENERATIONS.c.id == sql.parameter("generation_id", sa.Uuid),
        tables.GENERATIONS.c.tenant_id == sql.parameter("tenant_id", sa.Text),
        tables.GENERATIONS.c.delete_time.is_(None),
    ),
    events=sa.select(tables.EVENTS)
    .where(
        tables.EVENTS.c.generation_id == sql.parameter("generation_id", sa.Uuid),
        tables.EVENTS.c.sequence > sql.parameter("after_sequence", sa.BigInteger),
    )
    .order_by(tables.EVENTS.c.sequence)
    .limit(sql.parameter("limit", sa.Integer)),
)


def by_id(transaction: sql.Transaction, generation_id: uuid.UUID) -> draft.Aggregate | None:
    """Return a generation with all that belongs to it."""
    return _only(transaction.ask(_BY_ID, generation_id=generation_id))


def by_ids(transaction: sql.Transaction, generation_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, draft.Aggregate]:
    """Return generations with all that belongs to them."""
    return _all(transaction.ask(_BY_IDS, generation_ids=list(generation_ids)))


def revisions(transaction: sql.Transaction, generation_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, int]:
    """Return the revisions of those of these generations that there are."""
    found = transaction.ask(_REVISIONS, generation_ids=list(generation_ids))
    return {one["id"]: one["revision"] for one in found["revisions"]}


def by_attempt(transaction: sql.Transaction, attempt_id: uuid.UUID) -> draft.Aggregate | None:
    """Return the generation of an attempt."""
    return _only(transaction.ask(_BY_ATTEMPT, attempt_id=attempt_id))


def charges(transaction: sql.Transaction, attempt_ids: Sequence[uuid.UUID]) -> Sequence[ports.Charge]:
    """Return attempts, each with its generation and all that belongs to it."""
    of = _all(transaction.ask(_CHARGES, attempt_ids=list(attempt_ids)))
    owners = {one.id: aggregate for aggregate in of.values() for one in aggregate.attempts}
    return [ports.Charge(owners[attempt_id], attempt_id) for attempt_id in attempt_ids if attempt_id in owners]


def by_step(transaction: sql.Transaction, step_id: uuid.UUID) -> draft.Aggregate | None:
    """Return the generation of a step."""
    return _only(transaction.ask(_BY_STEP, step_id=step_id))


def case(transaction: sql.Transaction, attempt_id: uuid.UUID, worker_id: str, project: str, job_id: str) -> ports.Case:
    """Return what there is to know when a worker speaks of an attempt, and perhaps of a job."""
    found = transaction.ask(_CASE, attempt_id=attempt_id, worker_id=worker_id, project=project, job_id=job_id)
    aggregate = _only(found)
    claims = tuple(rows.to_claim(one) for one in found["claims"])
    account = aggregate.attempt(attempt_id).account_id if aggregate else _UNKNOWN_PROJECT
    return ports.Case(aggregate, _lease(found), project or account, claims, rows.to_health(transaction.now, found))


def begin_case(
    transaction: sql.Transaction, attempt_id: uuid.UUID, worker_id: str, marks: Sequence[eras.Mark]
) -> tuple[ports.Case, eras.Standing]:
    """Return what there is to know when a worker wants to submit an attempt, and what the record says of itself."""
    found = transaction.ask(_BEGIN, attempt_id=attempt_id, worker_id=worker_id, **standing.parameters(marks))
    health_of = rows.to_health(transaction.now, found)
    return ports.Case(_only(found), _lease(found), "", (), health_of), standing.read(found)


def step_case(transaction: sql.Transaction, step_id: uuid.UUID) -> ports.StepCase:
    """Return a step's generation, and the lease of who holds the step."""
    found = transaction.ask(_STEP_CASE, step_id=step_id)
    return ports.StepCase(_only(found), _lease(found))


def admission(transaction: sql.Transaction, tenant_id: str, generation_id: uuid.UUID) -> ports.AdmissionFacts:
    """Return what admitting a generation has to know."""
    found = transaction.ask(_ADMISSION, tenant_id=tenant_id, generation_id=generation_id)
    return ports.AdmissionFacts(
        known=_only(found),
        open_generations=found["open"][0]["number"],
        accounts=tuple(sorted(map(rows.to_account, found["accounts"]), key=lambda account: account.id)),
        cards=tuple(rows.to_card(one["card"]) for one in found["cards"]),
        standing=standing.read(found),
        health=rows.to_health(transaction.now, found),
    )


def open_generations(transaction: sql.Transaction, limit: int) -> int:
    """Return how many generations of all tenants have not ended, at most `limit`."""
    return transaction.ask(_OPEN_OF_ALL, limit=limit)["open"][0]["number"]


def events(
    transaction: sql.Transaction, tenant_id: str, generation_id: uuid.UUID, after_sequence: int, limit: int
) -> Sequence[ports.Event] | None:
    """Return the history of a tenant's generation, oldest first; None when there is none."""
    found = transaction.ask(
        _EVENTS, tenant_id=tenant_id, generation_id=generation_id, after_sequence=after_sequence, limit=limit
    )
    return [rows.to_event(one) for one in found["events"]] if found["owned"] else None


def _lease(found: Mapping[str, Sequence[rows.Columns]]) -> ports.Lease | None:
    return rows.to_lease(found["leases"][0]) if found["leases"] else None


def _only(found: Mapping[str, Sequence[rows.Columns]]) -> draft.Aggregate | None:
    if not found["generations"]:
        return None
    (one,) = found["generations"]
    return _aggregate(one, found["shots"], found["attempts"], found["steps"])


def _all(found: Mapping[str, Sequence[rows.Columns]]) -> Mapping[uuid.UUID, draft.Aggregate]:
    of: dict[str, dict[uuid.UUID, list[rows.Columns]]] = {}
    for name in ("shots", "attempts", "steps"):
        of[name] = defaultdict(list)
        for one in found[name]:
            of[name][one["generation_id"]].append(one)
    return {
        one["id"]: _aggregate(one, of["shots"][one["id"]], of["attempts"][one["id"]], of["steps"][one["id"]])
        for one in found["generations"]
    }


def _aggregate(
    one: rows.Columns, shots: Sequence[rows.Columns], attempts: Sequence[rows.Columns], steps: Sequence[rows.Columns]
) -> draft.Aggregate:
    return draft.Aggregate(
        rows.to_generation(one),
        tuple(sorted(map(rows.to_shot, shots), key=lambda shot: shot.ordinal)),
        tuple(sorted(map(rows.to_attempt, attempts), key=lambda attempt: (attempt.run, attempt.ordinal))),
        tuple(sorted(map(rows.to_step, steps), key=lambda step: (step.run, step.ordinal))),
    )
