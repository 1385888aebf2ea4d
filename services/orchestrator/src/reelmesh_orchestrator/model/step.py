"""A step: work of the media service for a generation, done by one run at a time."""

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Mapping
from typing import Any

from reelmesh_orchestrator.model.machine import Machine

# Runs that may fail in a way worth another run, before the step fails for good.
MOST_TRIES = 4


class StepKind(enum.StrEnum):
    """What is to be done."""

    LAST_FRAME = "LAST_FRAME"
    LADDER = "LADDER"
    #: A picture to be delivered in place of a video.
    INFOGRAPHIC = "INFOGRAPHIC"
    #: The ladder of an alternate take; its ordinal is the take's number.
    TAKE = "TAKE"


class StepState(enum.StrEnum):
    """Where a step stands."""

    SENT = "SENT"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    DROPPED = "DROPPED"


class StepEvent(enum.StrEnum):
    """What moves a step."""

    BEGIN = "BEGIN"
    RESEND = "RESEND"
    FINISH = "FINISH"
    FAIL = "FAIL"
    DROP = "DROP"


_S, _E = StepState, StepEvent

MACHINE: Machine[StepState, StepEvent] = Machine(
    "step",
    {
        # FAIL: nobody has taken it for so long that something else is done.
        _S.SENT: {_E.BEGIN: _S.RUNNING, _E.RESEND: _S.SENT, _E.FAIL: _S.FAILED, _E.DROP: _S.DROPPED},
        # BEGIN again: the worker that ran it has lost its lease; the fresh token fences it off.
        _S.RUNNING: {
            _E.BEGIN: _S.RUNNING,
            _E.RESEND: _S.SENT,
            _E.FINISH: _S.DONE,
            _E.FAIL: _S.FAILED,
            _E.DROP: _S.DROPPED,
        },
        _S.DONE: {},
        _S.FAILED: {},
        _S.DROPPED: {},
    },
)

OPEN = frozenset({_S.SENT, _S.RUNNING})


@dataclasses.dataclass(frozen=True)
class Step:
    """Work of the media service."""

    id: uuid.UUID
    kind: StepKind
    state: StepState
    #: Run of the generation that it belongs to.
    run: int
    #: Which step of its kind and target in that run, 0 is the first.
    ordinal: int
    send_time: datetime.datetime
    #: When its present run began.
    begin_time: datetime.datetime | None = None
    shot_id: uuid.UUID | None = None
    #: Clips that it works on.
    clip_asset_ids: tuple[str, ...] = ()
    #: How often it was sent.
    sends: int = 1
    #: Runs that failed.
    tries: int = 0
    token: str = ""
    worker_id: str = ""
    message: str = ""
    result: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])

    def moved(self, event: StepEvent, **changes: object) -> "Step":
        """Return the step after `event`.

        Raises:
            machine.RefusedError: the table has no such move.
        """
        return dataclasses.replace(self, state=MACHINE.after(self.state, event), **changes)  # pyright: ignore[reportArgumentType]
