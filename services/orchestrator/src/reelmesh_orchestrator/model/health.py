"""What stands in the way of new submits: breakers that are open, pauses, and what operators have switched off."""

import dataclasses
import datetime
import enum
from collections.abc import Mapping

from reelmesh_orchestrator.model.breaker import Breaker, BreakerState

LONGEST_REASON_CHARACTERS = 500


@dataclasses.dataclass(frozen=True)
class Target:
    """What a switch is about: a provider, an account, a model, or what is several of them at once; "" means any."""

    provider: str = ""
    account_id: str = ""
    model: str = ""

    def covers(self, provider: str, account_id: str, model: str) -> bool:
        """Tell whether a model at an account is meant."""
        told = (self.provider, self.account_id, self.model)
        return all(not mine or mine == its for mine, its in zip(told, (provider, account_id, model), strict=True))

    def meets(self, other: "Target") -> bool:
        """Tell whether something is meant by both."""
        pairs = ((self.provider, other.provider), (self.account_id, other.account_id), (self.model, other.model))
        return all(not mine or not its or mine == its for mine, its in pairs)

    def __str__(self) -> str:
        """Say it in words."""
        told = (("provider", self.provider), ("account", self.account_id), ("model", self.model))
        return ", ".join(f"{kind} {name}" for kind, name in told if name)


@dataclasses.dataclass(frozen=True)
class Switch:
    """What an operator has switched off."""

    target: Target
    who: str
    reason: str
    since: datetime.datetime


class Kind(enum.StrEnum):
    """What kind of obstacle it is."""

    SWITCH = "SWITCH"
    BREAKER = "BREAKER"
    TRIAL = "TRIAL"  # the breaker is half open, and others try
    REST = "REST"


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """Why nothing new is submitted to a model at an account."""

    kind: Kind
    #: In words for anybody.
    reason: str
    #: When it may be gone; None when nobody knows.
    until: datetime.datetime | None = None


@dataclasses.dataclass(frozen=True)
class Health:
    """What is known at a moment. What is not named is well."""

    now: datetime.datetime
    breakers: Mapping[tuple[str, str], Breaker] = dataclasses.field(default_factory=dict[tuple[str, str], Breaker])
    switches: tuple[Switch, ...] = ()
    #: Trials under way, by account and model, where the breaker is half open.
    trials: Mapping[tuple[str, str], int] = dataclasses.field(default_factory=dict[tuple[str, str], int])

    @property
    def well(self) -> bool:
        """Whether nothing stands in anybody's way."""
        return not self.switches and all(one.quiet and not one.resting(self.now) for one in self.breakers.values())

    def switch(self, provider: str, account_id: str, model: str) -> Switch | None:
        """Return why a model at an account is switched off."""
        return next((one for one in self.switches if one.target.covers(provider, account_id, model)), None)

    def breaker(self, account_id: str, model: str) -> Breaker:
        """Return the breaker of a model at an account."""
        return self.breakers.get((account_id, model)) or Breaker(account_id, model)

    def obstacle(self, provider: str, account_id: str, model: str, *, trial: bool | None = None) -> Obstacle | None:
        """Return what keeps a model at an account from being given anything new.

        Args:
            provider: whose account it is.
            account_id: the account.
            model: the model.
            trial: whether there is room for a trial; None: nobody has counted, and one that is due may be made.
        """
        off = self.switch(provider, account_id, model)
        if off is not None:
            return Obstacle(Kind.SWITCH, f"an operator switched it off at {told(off.since, self.now)}")
        one = self.breaker(account_id, model)
        if one.resting(self.now):
            until = told(one.rest_until, self.now)
            return Obstacle(Kind.REST, f"the provider asked for a pause until {until}", one.rest_until)
        if one.state is BreakerState.CLOSED or trial:
            return None
        if one.state is BreakerState.OPEN and not one.trial_due(self.now):
            since, next_trial = told(one.since, self.now), told(one.trial_time, self.now)
            reason = f"its breaker is open since {since} ({one.reason}), next trial at {next_trial}"
            return Obstacle(Kind.BREAKER, reason, one.trial_time)
        if one.state is BreakerState.OPEN and trial is None:
            return None
        since = told(one.since if one.state is BreakerState.HALF_OPEN else self.now, self.now)
        return Obstacle(Kind.TRIAL, f"its breaker is half open since {since}: a trial is under way")

    def room(self, account_id: str, model: str, trials: int) -> int | None:
        """Return how many attempts may go out to where a breaker is not closed, at most `trials`; None: any number."""
        one = self.breaker(account_id, model)
        if one.state is BreakerState.CLOSED:
            return None
        if one.state is BreakerState.OPEN:
            return trials if one.trial_due(self.now) else 0
        return max(trials - self.trials.get((account_id, model), 0), 0)


def told(moment: datetime.datetime | None, now: datetime.datetime) -> str:
    """Return a moment in words, with its day where that is another one; UTC."""
    if moment is None:
        return "an unknown time"
    return f"{moment:%H:%M:%S} UTC" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
