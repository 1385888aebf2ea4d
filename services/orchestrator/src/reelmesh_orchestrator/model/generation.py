"""A generation: one request and its one deliverable, the unit that users see and the aggregate that is locked."""

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Mapping

from reelmesh_orchestrator.model.machine import Machine


class GenerationState(enum.StrEnum):
    """Where a generation stands; the names are those of `reelmesh.v1.GenerationState`."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    GENERATING = "GENERATING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class GenerationEvent(enum.StrEnum):
    """What moves a generation."""

    ADMIT = "ADMIT"
    REJECT = "REJECT"
    START = "START"
    REQUEUE = "REQUEUE"
    PROCESS = "PROCESS"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    EXPIRE = "EXPIRE"
    CANCEL = "CANCEL"
    STOPPED = "STOPPED"
    RETRY = "RETRY"
    PROMOTE = "PROMOTE"


_S, _E = GenerationState, GenerationEvent
_ENDINGS = {_E.COMPLETE: _S.COMPLETED, _E.FAIL: _S.FAILED, _E.EXPIRE: _S.EXPIRED, _E.CANCEL: _S.CANCELLING}

MACHINE: Machine[GenerationState, GenerationEvent] = Machine(
    "generation",
    {
        _S.PENDING: {_E.ADMIT: _S.QUEUED, _E.REJECT: _S.REJECTED},
        _S.QUEUED: {_E.START: _S.GENERATING, _E.PROCESS: _S.PROCESSING, **_ENDINGS},
        _S.GENERATING: {_E.REQUEUE: _S.QUEUED, _E.PROCESS: _S.PROCESSING, **_ENDINGS},
        # START and REQUEUE: a clip turned out to be broken and its shot is made again.
        _S.PROCESSING: {_E.START: _S.GENERATING, _E.REQUEUE: _S.QUEUED, **_ENDINGS},
        _S.CANCELLING: {_E.STOPPED: _S.CANCELLED},
        # PROMOTE: a video that came too late is delivered after all, or another one in place of the first.
        _S.COMPLETED: {_E.PROMOTE: _S.COMPLETED},
        _S.REJECTED: {},
        _S.FAILED: {_E.RETRY: _S.QUEUED, _E.PROMOTE: _S.COMPLETED},
        _S.CANCELLED: {_E.PROMOTE: _S.COMPLETED},
        _S.EXPIRED: {_E.PROMOTE: _S.COMPLETED},
    },
)

ENDED = frozenset({_S.COMPLETED, _S.REJECTED, _S.FAILED, _S.CANCELLED, _S.EXPIRED})
WORKING = frozenset({_S.QUEUED, _S.GENERATING, _S.PROCESSING})


class Delivery(enum.StrEnum):
    """What a generation ended with, or must at least end with."""

    NONE = ""
    VIDEO = "VIDEO"
    INFOGRAPHIC = "INFOGRAPHIC"
    TEXT = "TEXT"


@dataclasses.dataclass(frozen=True)
class Output:
    """What the file shall be."""

    duration_seconds: float
    width: int
    height: int
    frames_per_second: int
    audio: bool


@dataclasses.dataclass(frozen=True)
class File:
    """A delivered file."""

    asset_id: str
    name: str
    width: int
    height: int
    duration_seconds: float
    size_bytes: int


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that the check of the result noticed."""

    kind: str
    start_seconds: float
    end_seconds: float
    message: str


@dataclasses.dataclass(frozen=True)
class Result:
    """What is delivered."""

    files: tuple[File, ...] = ()
    thumbnail_asset_id: str = ""
    poster_asset_id: str = ""
    findings: tuple[Finding, ...] = ()
    text: str = ""
    #: The still picture in place of a video; beside one, where it was delivered before.
    infographic: File | None = None

    @property
    def asset_ids(self) -> tuple[str, ...]:
        """Return the assets of everything that is in it."""
        files = (*self.files, self.infographic) if self.infographic else self.files
        named = (*(file.asset_id for file in files), self.thumbnail_asset_id, self.poster_asset_id)
        return tuple(asset_id for asset_id in named if asset_id)


class TakeState(enum.StrEnum):
    """Where a take stands; the names are those of `reelmesh.v1.TakeState`."""

    PROCESSING = "PROCESSING"
    READY = "READY"
    UNUSABLE = "UNUSABLE"


@dataclasses.dataclass(frozen=True)
class Take:
    """A video that is there although it was not delivered: it came too late, or another one was promoted over it."""

    number: int
    state: TakeState
    #: The attempt whose clip came late; None for the video that was delivered first.
    attempt_id: uuid.UUID | None
    #: What it is made of: the clips of all shots, or the late one alone.
    clip_asset_ids: tuple[str, ...]
    #: Whether all shots are in it.
    whole: bool
    create_time: datetime.datetime
    #: Whether it is what is delivered.
    promoted: bool = False
    result: Result = Result()
    #: Why it is UNUSABLE.
    message: str = ""


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why it ended badly: a stable word, and a sentence that says what can be done."""

    reason: str
    message: str


@dataclasses.dataclass(frozen=True)
class Generation:
    """One request and its one deliverable."""

    id: uuid.UUID
    tenant_id: str
    user_id: str
    state: GenerationState
    #: Counts every change; decisions are fenced by it.
    revision: int
    #: 1 at first, one more with each retry.
    run: int
    prompt: str
    output: Output
    reference_asset_ids: tuple[str, ...]
    #: "provider" or "provider/model" that routing is pinned to; empty when it is free.
    pin: str
    labels: Mapping[str, str]
    #: Micro-dollars that everything together may cost; 0 is no bound.
    max_cost_micros: int
    deadline_time: datetime.datetime | None
    fallback_floor: Delivery
    seed: int
    #: Whether the seed is the user's: then it tells nothing apart.
    seed_is_users: bool
    priority: int
    request_id: str
    fingerprint: str
    traceparent: str
    create_time: datetime.datetime
    update_time: datetime.datetime
    #: Name and version of the policy by which it was routed.
    policy: str = ""
    #: What its caller says that it is about.
    category: str = ""
    #: What it should not show; empty when nothing was said.
    negative_prompt: str = ""
    #: What its first shot begins on, and its last one ends on; empty where none was given.
    first_frame_asset_id: str = ""
    last_frame_asset_id: str = ""
    #: Number of events so far.
    sequence: int = 0
    start_time: datetime.datetime | None = None
    complete_time: datetime.datetime | None = None
    #: When a cancel was asked for.
    cancel_time: datetime.datetime | None = None
    #: When its owner deleted it: nobody finds it any more.
    delete_time: datetime.datetime | None = None
    delivery: Delivery = Delivery.NONE
    result: Result = Result()
    #: Why there is no video. While it is still at work: there will be none, and what is less is got ready.
    failure: Failure | None = None
    takes: tuple[Take, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing will change for its user any more, unless it is retried."""
        return self.state in ENDED

    @property
    def falling_back(self) -> bool:
        """Whether its video was given up, and what is less is got ready."""
        return self.state in WORKING and self.failure is not None

    def moved(self, event: GenerationEvent, **changes: object) -> "Generation":
        """Return the generation after `event`.

        Raises:
            machine.RefusedError: the table has no such move.
        """
        return dataclasses.replace(self, state=MACHINE.after(self.state, event), **changes)  # pyright: ignore[reportArgumentType]
