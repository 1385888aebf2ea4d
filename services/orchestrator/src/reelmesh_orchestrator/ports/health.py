"""What is kept about what stands in the way of new submits."""

import dataclasses
import datetime
import enum
from collections.abc import Mapping, Sequence
from typing import Protocol

from reelmesh_orchestrator.model import breaker, card
from reelmesh_orchestrator.model.health import Health, Switch, Target


class HealthEventType(enum.StrEnum):
    """What happened; the names are those of `reelmesh.v1.HealthEventType`."""

    OPENED = "OPENED"
    TRIED = "TRIED"
    CLOSED = "CLOSED"
    SWITCHED_OFF = "SWITCHED_OFF"
    SWITCHED_ON = "SWITCHED_ON"


@dataclasses.dataclass(frozen=True)
class HealthEvent:
    """Something that happened to a breaker, or that an operator did; kept as long as the history of generations."""

    position: int
    type: HealthEventType
    target: Target
    #: The operator; empty for breakers.
    who: str
    message: str
    create_time: datetime.datetime


@dataclasses.dataclass(frozen=True)
class Load:
    """How much is at an account."""

    in_flight: int = 0
    waiting: int = 0


@dataclasses.dataclass(frozen=True)
class SeenAccount:
    """An account as operators see it."""

    account: card.Account
    models: tuple[card.ModelCard, ...]
    load: Load
    health: Health

    def breaker(self, model: card.ModelCard) -> breaker.Breaker:
        """Return the breaker of a model."""
        return self.health.breaker(self.account.id, model.model)

    def is_off(self, model: card.ModelCard) -> bool:
        """Tell whether a model is switched off."""
        return self.health.switch(self.account.provider, self.account.id, model.model) is not None


class HealthStore(Protocol):
    """The part of a transaction that is about health."""

    def health(self) -> Health:
        """Return what stands in the way of new submits."""
        ...

    def loads(self) -> Mapping[str, Load]:
        """Return how much is at each account that has anything."""
        ...

    def lock_breaker(self, account_id: str, model: str) -> breaker.Breaker:
        """Return a breaker, its row locked, made if there was none. Nothing is locked after it."""
        ...

    def put_breaker(self, changed: breaker.Breaker) -> None:
        """Write a breaker that is locked."""
        ...

    def try_breaker(self, before: breaker.Breaker, after: breaker.Breaker) -> None:
        """Write a breaker of which trials are made. If it has moved meanwhile, the work runs again."""
        ...

    def put_switch(self, switch: Switch) -> bool:
        """Switch something off; tell whether it was not."""
        ...

    def remove_switch(self, target: Target) -> bool:
        """Switch something on; tell whether it was off."""
        ...

    def tell_health(self, type_: HealthEventType, target: Target, who: str, message: str) -> None:
        """Add to the history."""
        ...

    def health_events(self, before_position: int | None, limit: int) -> Sequence[HealthEvent]:
        """Return the history, newest first, from before a position."""
        ...
