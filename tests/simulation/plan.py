"""What a seed means: how the mesh is set up, what users ask of it, and every fault, all of it before anything runs."""

import dataclasses
import json
from typing import Any

from reelmesh_provider import model

from tests.simulation import dice, faults
from tests.simulation.faults import Fault, Kind

PAID, FREE = "dear", "plain"
# Faults begin after this where a finder needs a job that it knows; the first one is made by then.
CALM_SECONDS = 10.0
LAST_FAULT_SECONDS = 30.0
LONGEST_ABSENCE_SECONDS = 24.0
LIARS = 0.4
# How many plans have a submit that is lost and a list that cannot be trusted together: apart they seldom meet.
LOST_SUBMITS = 0.3
# How many times the orchestrator's patience a worker has with a liar: it still listens when the rest has given up.
LIARS_PATIENCE = 20.0


@dataclasses.dataclass(frozen=True)
class Profile:
    """How the mesh and its vendors are set up. Seconds."""

    orchestrators: int
    workers: int
    free_workers: int
    slots: int
    recovery: str
    exclusive: bool
    #: Whether an empty list is certain to be the right one.
    trusted_when_empty: bool
    #: Whether clips go on from the last frame of the one before.
    first_frames: bool
    lease_seconds: float
    renew_seconds: float
    #: How long the orchestrator gives a submit, and how long the worker does.
    request_timeout_seconds: float
    submit_timeout_seconds: float
    creation_seconds: float
    listing_seconds: float
    shortest_render: float
    longest_render: float
    #: Whether the paid vendor once or twice does not keep what its card says.
    lies: bool


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A generation that a user asks for."""

    name: str
    at: float
    shots: int
    floor: str = ""
    seed: int | None = None
    cancel_after: float | None = None
    deadline_after: float | None = None
    retries: int = 0
    #: Whether a video that came too late is delivered after all.
    promotes: bool = False
    #: Whether it is deleted once it has ended.
    deletes: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """A run before it is run."""

    seed: int
    profile: Profile
    wanted: tuple[Wanted, ...]
    faults: tuple[Fault, ...]

    @property
    def faults_end(self) -> float:
        """Return when nothing goes wrong any more that does not wait for its occasion."""
        return max([LAST_FAULT_SECONDS, *(fault.until for fault in self.faults)])

    @property
    def honest(self) -> bool:
        """Whether the vendors keep what their cards say."""
        return not any(fault.kind in faults.LIES for fault in self.faults)

    @property
    def told_apart(self) -> bool:
        """Whether every job can be told from every other by what only we would have sent."""
        return all(one.seed is None for one in self.wanted)

    def to_json(self) -> str:
        """Return it as it can be kept."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what `to_json` returned."""
        raw: dict[str, Any] = json.loads(text)
        return cls(
            raw["seed"],
            Profile(**raw["profile"]),
            tuple(Wanted(**one) for one in raw["wanted"]),
            tuple(Fault(**{**one, "kind": Kind(one["kind"])}) for one in raw["faults"]),
        )


def drawn(seed: int) -> Plan:
    """Return the plan of a seed."""
    profile = _profile(dice.Dice(seed, "profile"))
    return Plan(seed, profile, _wanted(dice.Dice(seed, "wanted"), profile), _faults(dice.Dice(seed, "faults"), profile))


def _profile(chance: dice.Dice) -> Profile:
    lease_seconds = chance.one_of([6.0, 30.0])
    request_timeout_seconds = chance.one_of([2.0, 5.0])
    exclusive = chance.happens(0.8)
    lies = chance.happens(LIARS)
    return Profile(
        orchestrators=chance.weighted({1: 0.6, 2: 0.4}),
        workers=chance.weighted({1: 0.3, 2: 0.7}),
        free_workers=chance.weighted({0: 0.65, 1: 0.35}),
        slots=chance.whole(1, 4),
        recovery=chance.one_of([model.Recovery.EXACT.value, model.Recovery.LISTING.value]),
        exclusive=exclusive,
        trusted_when_empty=chance.happens(0.7),
        first_frames=chance.happens(0.5),
        lease_seconds=lease_seconds,
        renew_seconds=min(lease_seconds / 3, 3.0),
        request_timeout_seconds=request_timeout_seconds,
        # A worker that listens for long hears of jobs that others have given up.
        submit_timeout_seconds=request_timeout_seconds * (LIARS_PATIENCE if lies else chance.one_of([1.0, 6.0])),
        creation_seconds=chance.uniform(0.2, 3.0),
        listing_seconds=chance.uniform(0.2, 3.0),
        shortest_render=1.0,
        longest_render=chance.uniform(2.0, 12.0),
        lies=lies,
    )


def _wanted(chance: dice.Dice, profile: Profile) -> tuple[Wanted, ...]:
    wanted = [_one(chance, profile, f"wish-{number}") for number in range(chance.whole(2, 3))]
    if not profile.trusted_when_empty:
        wanted.insert(0, Wanted("first-wish", at=0.0, shots=1))
    return tuple(wanted)


def _one(chance: dice.Dice, profile: Profile, name: str) -> Wanted:
    likeness = profile.exclusive and chance.happens(0.1)
    return Wanted(
        name=name,
        at=chance.uniform(0.0, 15.0),
        shots=chance.weighted({1: 0.6, 2: 0.3, 3: 0.1}),
        floor=chance.one_of(["", "TEXT", "INFOGRAPHIC", "VIDEO"]),
        # One seed for all who bring their own: then their jobs look the same.
        seed=7 if likeness else None,
        cancel_after=chance.uniform(0.0, 15.0) if chance.happens(0.15) else None,
        deadline_after=chance.uniform(10.0, 40.0) if chance.happens(0.15) else None,
        retries=chance.whole(0, 1),
        promotes=chance.happens(0.5),
        deletes=chance.happens(0.1),
    )


def _faults(chance: dice.Dice, profile: Profile) -> tuple[Fault, ...]:
    start = 0.5 if profile.trusted_when_empty else CALM_SECONDS
    drawn_faults = [_fault(chance, profile, start) for _ in range(chance.whole(3, 12))]
    if profile.lies:
        drawn_faults += _lie(chance, start)
    if chance.happens(LOST_SUBMITS):
        drawn_faults += _lost_submit(chance, profile, start)
    return tuple(sorted(drawn_faults, key=lambda fault: (fault.at, fault.kind, fault.who)))


_WEIGHTS: dict[Kind, float] = {
    Kind.KILL: 5,
    Kind.KILL_AND_WIPE: 1,
    Kind.FREEZE: 5,
    Kind.STOP: 1.5,
    Kind.KILL_WITHIN: 6,
    Kind.FREEZE_WITHIN: 6,
    Kind.CLOCK_JUMP: 1.5,
    Kind.CUT: 2,
    Kind.CALL_SLOW: 2,
    Kind.ANSWER_LOST: 3,
    Kind.CALL_TWICE: 2,
    Kind.BUS_AWAY: 1,
    Kind.BUS_FORGETS: 1,
    Kind.MESSAGE_LOST: 1.5,
    Kind.MESSAGE_TWICE: 1.5,
    Kind.MESSAGE_LATE: 1.5,
    Kind.PUBLISH_UNANSWERED: 1,
    Kind.ACK_LOST: 1,
    Kind.DATABASE_AWAY: 1.5,
    Kind.COMMIT_UNTOLD: 2,
    Kind.COMMIT_LOST: 2,
    Kind.WORK_AGAIN: 1,
    Kind.UNREACHABLE: 1,
    Kind.SUBMIT_VANISHES: 3,
    Kind.SUBMIT_UNANSWERED: 3,
    Kind.SUBMIT_HANGS: 2,
    Kind.SUBMIT_SLOW: 2,
    Kind.UNREADABLE: 1,
    Kind.BUSY: 1,
    Kind.REFUSED: 1,
    Kind.REFUSED_FOR_GOOD: 0.5,
    Kind.UNSAFE: 0.5,
    Kind.JOB_FAILS: 1,
    Kind.JOB_GONE: 0.5,
    Kind.CLIP_BROKEN: 0.5,
    Kind.CLIP_LOST: 0.5,
    Kind.FETCH_BREAKS: 1,
    Kind.POLL_FAILS: 1,
    Kind.LIST_FAILS: 1,
    Kind.LIST_SLOW: 2,
    Kind.LIST_CUT: 1,
    Kind.LIST_FOREIGN: 1,
    Kind.STORAGE_FULL: 0.5,
    Kind.STEP_FAILS: 1,
    Kind.STEP_REJECTS_CLIP: 0.5,
}
_PROCESSES = frozenset(
    {
        Kind.KILL,
        Kind.FREEZE,
        Kind.STOP,
        Kind.KILL_WITHIN,
        Kind.FREEZE_WITHIN,
        Kind.CUT,
        Kind.CALL_SLOW,
        Kind.ANSWER_LOST,
        Kind.CALL_TWICE,
    }
)
# Where processes may be when fate strikes: at a call that they make, at its answer, or at something of their own.
_PLACES: dict[str, list[str]] = {
    "orchestrator": ["commit"],
    "worker": [
        *(f"{before}{call}" for call in ("Begin", "Record", "Decline", "submit") for before in ("", "answer of ")),
        *(f"{before}{call}" for call in ("Finish", "Conclude", "PutAsset") for before in ("", "answer of ")),
        "answer of Begin",
        "answer of submit",
        "journal",
        "answer of RenewLease",
    ],
    "media": ["answer of BeginStep", "FinishStep", "answer of FinishStep", "answer of PutAsset"],
    "storage": ["commit", "publish"],
}
_DATABASES = frozenset({Kind.DATABASE_AWAY, Kind.COMMIT_UNTOLD, Kind.COMMIT_LOST, Kind.WORK_AGAIN})
_BUS = frozenset({kind for kind in Kind if kind.name.startswith(("BUS_", "MESSAGE_", "PUBLISH_", "ACK_"))})
_LASTING = frozenset(
    {
        Kind.KILL_WITHIN,
        Kind.FREEZE_WITHIN,
        Kind.KILL,
        Kind.KILL_AND_WIPE,
        Kind.FREEZE,
        Kind.STOP,
        Kind.CUT,
        Kind.CALL_SLOW,
        Kind.BUS_AWAY,
        Kind.DATABASE_AWAY,
        Kind.MESSAGE_TWICE,
        Kind.MESSAGE_LATE,
        Kind.SUBMIT_SLOW,
        Kind.POLL_FAILS,
        Kind.LIST_FAILS,
        Kind.LIST_SLOW,
        Kind.LIST_CUT,
        Kind.LIST_FOREIGN,
        Kind.STORAGE_FULL,
    }
)


def _fault(chance: dice.Dice, profile: Profile, start: float) -> Fault:
    kind = chance.weighted(_WEIGHTS)
    if kind is Kind.LIST_FOREIGN and profile.trusted_when_empty:
        kind = Kind.LIST_CUT  # the vendor says that its lists are the right ones
    seconds = 0.0
    if kind in _LASTING:
        # Short enough to be borne, or long enough to be given up.
        seconds = chance.uniform(*chance.one_of([(0.2, 6.0), (10.0, LONGEST_ABSENCE_SECONDS)]))
    if kind is Kind.CLOCK_JUMP:
        seconds = chance.uniform(-120.0, 120.0)
    who = _whom(chance, profile, kind)
    return Fault(
        kind=kind,
        at=chance.uniform(start, LAST_FAULT_SECONDS),
        who=who,
        seconds=seconds,
        count=1 if kind in _LASTING else chance.whole(1, 3),
        where=_where(chance, who) if kind in (Kind.KILL_WITHIN, Kind.FREEZE_WITHIN) else "",
    )


def _where(chance: dice.Dice, who: str) -> str:
    return next(chance.one_of(places) for role, places in _PLACES.items() if role in who)


def _whom(chance: dice.Dice, profile: Profile, kind: Kind) -> str:
    orchestrators = [f"orchestrator-{number}" for number in range(profile.orchestrators)]
    workers = [f"{PAID}-worker-{number}" for number in range(profile.workers)]
    workers += [f"{FREE}-worker-{number}" for number in range(profile.free_workers)]
    if kind is Kind.KILL_AND_WIPE:
        return chance.one_of(workers)
    if kind in _PROCESSES:
        return chance.one_of([*orchestrators, *workers, *workers, "media", "storage"])
    if kind is Kind.CLOCK_JUMP:
        return chance.one_of(["record", "record", "index", *orchestrators, *workers])
    if kind in _DATABASES:
        return chance.weighted({"record": 0.8, "index": 0.2})
    if kind in _BUS:
        return "bus"
    if kind is Kind.STORAGE_FULL:
        return "storage"
    if kind in (Kind.STEP_FAILS, Kind.STEP_REJECTS_CLIP):
        return "media"
    if kind is Kind.LIST_FOREIGN or not profile.free_workers:
        return PAID
    return chance.weighted({PAID: 0.85, FREE: 0.15})


def _lie(chance: dice.Dice, start: float) -> list[Fault]:
    """Return a lie, and what keeps the id of the job from being known at once.

    It lasts until others have concluded that there is no job, more often than not.
    """
    kind = chance.one_of(sorted(faults.LIES))
    at = chance.uniform(start, LAST_FAULT_SECONDS / 2)
    lie = Fault(kind, at, PAID, seconds=chance.uniform(20.0, 45.0), count=chance.whole(1, 2))
    slow = Fault(Kind.SUBMIT_SLOW, at, PAID, seconds=chance.uniform(0.5, 1.0) * lie.seconds)
    return [lie] if kind is Kind.CREATED_LATE else [lie, slow]


def _lost_submit(chance: dice.Dice, profile: Profile, start: float) -> list[Fault]:
    """Return a submit whose connection breaks before its job is made, and a list that is not what it seems.

    It is slow, so that it was asked for before the job showed in it and comes long after; or another one, or in part.
    """
    at = chance.uniform(start, LAST_FAULT_SECONDS / 2)
    cut = Fault(Kind.SUBMIT_CUT, at, PAID, count=chance.whole(1, 3))
    kind = chance.weighted({Kind.LIST_SLOW: 0.6, Kind.LIST_CUT: 0.2, Kind.LIST_FOREIGN: 0.2})
    if kind is Kind.LIST_FOREIGN and profile.trusted_when_empty:
        kind = Kind.LIST_SLOW
    return [cut, Fault(kind, at, PAID, seconds=chance.uniform(6.0, 15.0))]
