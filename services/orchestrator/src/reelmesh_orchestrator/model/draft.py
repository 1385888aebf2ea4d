"""A decision in the making: the aggregate as it will be, and what has to follow from it."""

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Mapping

from reelmesh_orchestrator.model.attempt import Attempt
from reelmesh_orchestrator.model.generation import Generation
from reelmesh_orchestrator.model.shot import Shot
from reelmesh_orchestrator.model.step import Step


@dataclasses.dataclass(frozen=True)
class Aggregate:
    """A generation with everything that moves under its revision."""

    generation: Generation
    shots: tuple[Shot, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    steps: tuple[Step, ...] = ()

    def shot(self, shot_id: uuid.UUID) -> Shot:
        """Return the shot with this id."""
        return next(one for one in self.shots if one.id == shot_id)

    def attempt(self, attempt_id: uuid.UUID) -> Attempt:
        """Return the attempt with this id."""
        return next(one for one in self.attempts if one.id == attempt_id)

    def step(self, step_id: uuid.UUID) -> Step:
        """Return the step with this id."""
        return next(one for one in self.steps if one.id == step_id)

    def attempts_of(self, shot_id: uuid.UUID) -> tuple[Attempt, ...]:
        """Return the attempts of a shot, oldest first, of all runs."""
        return tuple(one for one in self.attempts if one.shot_id == shot_id)

    @property
    def held_micros(self) -> int:
        """Micro-dollars set aside at present."""
        return sum(one.held_micros for one in self.attempts)

    @property
    def spent_micros(self) -> int:
        """Micro-dollars that were paid."""
        return sum(one.spent_micros for one in self.attempts)


@dataclasses.dataclass(frozen=True)
class Happened:
    """An event of the generation's history."""

    type: str
    message: str
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])


@dataclasses.dataclass(frozen=True)
class SendStep:
    """A step must go to the media workers."""

    step_id: uuid.UUID


@dataclasses.dataclass(frozen=True)
class SendAttempt:
    """An attempt must go to the provider's workers."""

    attempt_id: uuid.UUID


@dataclasses.dataclass(frozen=True)
class KeepAssets:
    """Provisional assets are in use from now on."""

    asset_ids: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class DiscardAssets:
    """Nobody uses these assets any more."""

    asset_ids: tuple[str, ...]


class EntryKind(enum.StrEnum):
    """What an entry of the ledger does with the money of an attempt."""

    HOLD = "HOLD"
    SETTLE = "SETTLE"
    RELEASE = "RELEASE"


@dataclasses.dataclass(frozen=True)
class Entry:
    """An entry of the ledger. For each attempt, holds equal settlements plus releases plus what is held."""

    attempt_id: uuid.UUID
    kind: EntryKind
    amount_micros: int


Effect = Happened | SendStep | SendAttempt | KeepAssets | DiscardAssets | Entry


class Draft:
    """Collects changes to an aggregate and what follows from them. Used by one decision, then thrown away."""

    def __init__(self, aggregate: Aggregate, now: datetime.datetime) -> None:
        """Begin from the state as it was read, at the time of the transaction."""
        self.aggregate = aggregate
        self.now = now
        self.effects: list[Effect] = []

    @property
    def generation(self) -> Generation:
        """Return the generation as it will be."""
        return self.aggregate.generation

    def happened(self, type_: str, message: str, **attributes: object) -> None:
        """Add an event to the history."""
        texts = {key: str(value) for key, value in attributes.items() if value not in ("", None)}
        self.effects.append(Happened(type_, message, texts))

    def put_generation(self, changed: Generation) -> None:
        """Replace the generation."""
        self.aggregate = dataclasses.replace(self.aggregate, generation=changed)

    def put_shot(self, changed: Shot) -> None:
        """Replace a shot."""
        shots = tuple(changed if one.id == changed.id else one for one in self.aggregate.shots)
        self.aggregate = dataclasses.replace(self.aggregate, shots=shots)

    def put_attempt(self, changed: Attempt) -> None:
        """Replace an attempt, or add it."""
        known = any(one.id == changed.id for one in self.aggregate.attempts)
        others = tuple(changed if one.id == changed.id else one for one in self.aggregate.attempts)
        attempts = others if known else (*others, changed)
        self.aggregate = dataclasses.replace(self.aggregate, attempts=attempts)

    def put_step(self, changed: Step) -> None:
        """Replace a step, or add it."""
        known = any(one.id == changed.id for one in self.aggregate.steps)
        others = tuple(changed if one.id == changed.id else one for one in self.aggregate.steps)
        self.aggregate = dataclasses.replace(self.aggregate, steps=others if known else (*others, changed))

    def hold(self, one: Attempt, amount_micros: int) -> Attempt:
        """Set money aside for an attempt; return the attempt with it."""
        if amount_micros:
            self.effects.append(Entry(one.id, EntryKind.HOLD, amount_micros))
        return dataclasses.replace(one, held_micros=one.held_micros + amount_micros)

    def settle(self, one: Attempt, cost_micros: int) -> Attempt:
        """Pay `cost_micros` out of the hold, give the rest back; return the attempt with nothing held."""
        if cost_micros > one.held_micros:
            one = self.hold(one, cost_micros - one.held_micros)
        if cost_micros:
            self.effects.append(Entry(one.id, EntryKind.SETTLE, cost_micros))
        if one.held_micros > cost_micros:
            self.effects.append(Entry(one.id, EntryKind.RELEASE, one.held_micros - cost_micros))
        return dataclasses.replace(one, held_micros=0, spent_micros=one.spent_micros + cost_micros)
