"""An attempt: one try of one shot at one provider account, the unit that costs money.

Theory of operation. A row enters SUBMITTING once, ever: a retry is a new row. Everything up to there can be undone for
free (DROP, WITHDRAW). From there on only facts move it: the provider's id (RECORD), its refusal (DECLINE), the proof
that nothing left (NOT_LEFT), its end (SUCCEED, FAIL, STOP), or, when nobody knows, the outcome of looking for it
(RECORD again, or CONCLUDE). Facts are taken late as well: an id that turns up after NEVER_CREATED, NOT_SENT, DROPPED,
WRITTEN_OFF or a refusal reopens the attempt, because a job that exists may have been paid. Whoever adds a row here
changes what the mesh may pay for: explore it with the interleaving test first.
"""

import dataclasses
import datetime
import enum
import uuid

from reelmesh_kit import ids

from reelmesh_orchestrator.model.machine import Machine

# Seeds are smaller than this.
SEEDS = 2**32


class AttemptState(enum.StrEnum):
    """Where an attempt stands; the names are those of `reelmesh.v1.AttemptState`."""

    PLANNED = "PLANNED"
    DISPATCHED = "DISPATCHED"
    SUBMITTING = "SUBMITTING"
    ACCEPTED = "ACCEPTED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    NOT_SENT = "NOT_SENT"
    INDETERMINATE = "INDETERMINATE"
    NEVER_CREATED = "NEVER_CREATED"
    WRITTEN_OFF = "WRITTEN_OFF"
    DROPPED = "DROPPED"


class AttemptEvent(enum.StrEnum):
    """What moves an attempt."""

    DISPATCH = "DISPATCH"
    WITHDRAW = "WITHDRAW"
    DROP = "DROP"
    BEGIN = "BEGIN"
    RECORD = "RECORD"
    NOT_LEFT = "NOT_LEFT"
    DECLINE = "DECLINE"
    DOUBT = "DOUBT"
    CONCLUDE = "CONCLUDE"
    SUCCEED = "SUCCEED"
    FAIL = "FAIL"
    STOP = "STOP"
    WRITE_OFF = "WRITE_OFF"
    DISPUTE = "DISPUTE"


_S, _E = AttemptState, AttemptEvent

MACHINE: Machine[AttemptState, AttemptEvent] = Machine(
    "attempt",
    {
        _S.PLANNED: {_E.DISPATCH: _S.DISPATCHED, _E.DROP: _S.DROPPED, _E.RECORD: _S.ACCEPTED},
        _S.DISPATCHED: {
            _E.BEGIN: _S.SUBMITTING,
            _E.WITHDRAW: _S.PLANNED,
            _E.DROP: _S.DROPPED,
            _E.RECORD: _S.ACCEPTED,
        },
        _S.SUBMITTING: {
            _E.RECORD: _S.ACCEPTED,
            _E.NOT_LEFT: _S.NOT_SENT,
            _E.DECLINE: _S.FAILED,
            _E.DOUBT: _S.INDETERMINATE,
        },
        _S.INDETERMINATE: {
            _E.RECORD: _S.ACCEPTED,
            _E.NOT_LEFT: _S.NOT_SENT,
            _E.DECLINE: _S.FAILED,
            _E.CONCLUDE: _S.NEVER_CREATED,
            _E.WRITE_OFF: _S.WRITTEN_OFF,
        },
        _S.ACCEPTED: {
            _E.SUCCEED: _S.SUCCEEDED,
            _E.FAIL: _S.FAILED,
            _E.STOP: _S.CANCELLED,
            _E.WRITE_OFF: _S.WRITTEN_OFF,
            # Another attempt has the better claim on the job that this one had adopted.
            _E.DISPUTE: _S.INDETERMINATE,
        },
        _S.SUCCEEDED: {},
        _S.FAILED: {_E.RECORD: _S.ACCEPTED},
        _S.CANCELLED: {},
        _S.NOT_SENT: {_E.RECORD: _S.ACCEPTED},
        _S.NEVER_CREATED: {_E.RECORD: _S.ACCEPTED},
        _S.WRITTEN_OFF: {_E.RECORD: _S.ACCEPTED},
        _S.DROPPED: {_E.RECORD: _S.ACCEPTED},
    },
)

# Nobody has begun: giving it up costs nothing.
UNBEGUN = frozenset({_S.PLANNED, _S.DISPATCHED})
# The provider may have been paid, and what for is not settled yet: no other paid attempt of the shot meanwhile.
UNRESOLVED = frozenset({_S.SUBMITTING, _S.ACCEPTED, _S.INDETERMINATE})
# Takes up a slot of its account.
IN_FLIGHT = frozenset({_S.DISPATCHED}) | UNRESOLVED


class Ending(enum.StrEnum):
    """Why an attempt ended without a clip: what the next decision needs to know."""

    NONE = ""
    REFUSED = "REFUSED"
    BUSY = "BUSY"
    REFUSED_FOR_GOOD = "REFUSED_FOR_GOOD"
    UNSAFE = "UNSAFE"
    JOB_FAILED = "JOB_FAILED"
    FETCH_LOST = "FETCH_LOST"
    BROKEN = "BROKEN"
    GONE = "GONE"
    #: An operator gave it up, and its candidate with it.
    GIVEN_UP = "GIVEN_UP"


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One try of one shot."""

    id: uuid.UUID
    shot_id: uuid.UUID
    run: int
    ordinal: int
    state: AttemptState
    account_id: str
    provider: str
    model: str
    #: Price expected when it was planned, micro-dollars.
    price_micros: int
    #: Micro-dollars set aside for it at present.
    held_micros: int
    #: What it has cost, micro-dollars.
    spent_micros: int
    #: Place in the queue: admission minus one minute for each step of priority, so that waiting raises it.
    rank_time: datetime.datetime
    #: Not dispatched before this time.
    not_before: datetime.datetime
    create_time: datetime.datetime
    dispatch_time: datetime.datetime | None = None
    #: How often it was dispatched.
    dispatches: int = 0
    submit_time: datetime.datetime | None = None
    complete_time: datetime.datetime | None = None
    #: Worker that began it.
    worker_id: str = ""
    #: Token of its one Begin.
    nonce: str = ""
    #: Worker that observes it, or looks for it.
    watcher_id: str = ""
    job_id: str = ""
    clip_asset_id: str = ""
    ending: Ending = Ending.NONE
    message: str = ""
    #: Seconds that a busy provider asked us to wait.
    retry_after_seconds: float = 0.0
    #: Whether the provider was, or is to be, asked to stop the job.
    cancel_wanted: bool = False

    @property
    def unresolved(self) -> bool:
        """Whether it may have cost money that is not settled yet."""
        return self.state in UNRESOLVED

    @property
    def open(self) -> bool:
        """Whether it still occupies its shot."""
        return self.state in UNRESOLVED or self.state in UNBEGUN

    def moved(self, event: AttemptEvent, **changes: object) -> "Attempt":
        """Return the attempt after `event`.

        Raises:
            machine.RefusedError: the table has no such move.
        """
        return dataclasses.replace(self, state=MACHINE.after(self.state, event), **changes)  # pyright: ignore[reportArgumentType]


def id_of(shot_id: uuid.UUID, run: int, ordinal: int) -> uuid.UUID:
    """Return the id of an attempt, whether there is one or not: a restored past meets its own future by it."""
    return ids.derived(shot_id, "attempt", run, ordinal)


def seed_of(attempt_id: uuid.UUID) -> int:
    """Return the seed that an attempt is submitted with unless its user gave one: a lost job is known by it."""
    return ids.derived(attempt_id, "seed").int % SEEDS
