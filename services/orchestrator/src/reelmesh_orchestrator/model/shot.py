"""A shot: a continuous clip that one provider call can make, and the route of candidates for it."""

import dataclasses
import enum
import uuid

from reelmesh_orchestrator.model.machine import Machine


class ShotState(enum.StrEnum):
    """Where a shot stands; the names are those of `reelmesh.v1.ShotState`."""

    WAITING = "WAITING"
    READY = "READY"
    GENERATING = "GENERATING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class ShotEvent(enum.StrEnum):
    """What moves a shot."""

    UNBLOCK = "UNBLOCK"
    BEGIN = "BEGIN"
    AGAIN = "AGAIN"
    FINISH = "FINISH"
    FAIL = "FAIL"
    CANCEL = "CANCEL"
    REDO = "REDO"
    WAIT = "WAIT"
    PROMOTE = "PROMOTE"


_S, _E = ShotState, ShotEvent

MACHINE: Machine[ShotState, ShotEvent] = Machine(
    "shot",
    {
        _S.WAITING: {_E.UNBLOCK: _S.READY, _E.CANCEL: _S.CANCELLED, _E.FAIL: _S.FAILED},
        # FINISH: an attempt that was thought lost turned up while nothing else had begun.
        _S.READY: {_E.BEGIN: _S.GENERATING, _E.FINISH: _S.DONE, _E.FAIL: _S.FAILED, _E.CANCEL: _S.CANCELLED},
        _S.GENERATING: {_E.AGAIN: _S.READY, _E.FINISH: _S.DONE, _E.FAIL: _S.FAILED, _E.CANCEL: _S.CANCELLED},
        # REDO: the clip turned out to be broken when it was processed.
        # PROMOTE: the clip of a take stands in for the one that was delivered, or for none.
        _S.DONE: {_E.REDO: _S.READY, _E.PROMOTE: _S.DONE},
        # A retry of the generation: REDO for those that may be tried, WAIT for those that go on from another.
        _S.FAILED: {_E.REDO: _S.READY, _E.WAIT: _S.WAITING, _E.PROMOTE: _S.DONE},
        _S.CANCELLED: {_E.REDO: _S.READY, _E.WAIT: _S.WAITING, _E.PROMOTE: _S.DONE},
    },
)

OPEN = frozenset({_S.WAITING, _S.READY, _S.GENERATING})


@dataclasses.dataclass(frozen=True)
class Candidate:
    """An account and model that could make the shot, with the reason why it stands there or was struck."""

    account_id: str
    provider: str
    model: str
    price_micros: int
    free: bool
    struck: bool
    reason: str
    #: How long a clip it makes where it makes none of the shot's length; 0 means the shot's. The rest is cut off.
    duration_seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Shot:
    """A continuous clip."""

    id: uuid.UUID
    ordinal: int
    state: ShotState
    prompt: str
    duration_seconds: float
    #: Whether it starts from the last frame of the one before.
    continues: bool
    route: tuple[Candidate, ...]
    first_frame_asset_id: str = ""
    clip_asset_id: str = ""

    def moved(self, event: ShotEvent, **changes: object) -> "Shot":
        """Return the shot after `event`.

        Raises:
            machine.RefusedError: the table has no such move.
        """
        return dataclasses.replace(self, state=MACHINE.after(self.state, event), **changes)  # pyright: ignore[reportArgumentType]
