"""How the services behind the gateway are, part by part, and what that means for who calls the gateway. Pure."""

import dataclasses
import datetime
import enum
from collections.abc import Sequence


class Condition(enum.StrEnum):
    """How something is."""

    OK = "ok"
    DEGRADED = "degraded"
    """It works, but does less, or may soon not work."""
    DOWN = "down"


@dataclasses.dataclass(frozen=True)
class Part:
    """Something that a service needs or uses, such as its database."""

    name: str
    ok: bool
    needed: bool
    """Whether the service is of no use without it."""
    reason: str
    """Stable word of `reelmesh.v1.ErrorReason` for what is wrong; "" when it is well."""
    since: datetime.datetime | None
    """Since when it has been well, or not, as its service saw it."""

    @property
    def condition(self) -> Condition:
        """How it is."""
        return Condition.OK if self.ok else Condition.DOWN


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a service said about itself when it was asked."""

    ready: bool
    parts: Sequence[Part]


@dataclasses.dataclass(frozen=True)
class Look:
    """One look at a service."""

    service: str
    needed: bool
    """Whether the gateway is of no use without it."""
    answer: Answer | None
    """None: it did not answer."""
    latency_ms: float

    @property
    def condition(self) -> Condition:
        """How the service is."""
        if self.answer is None or not self.answer.ready:
            return Condition.DOWN
        return Condition.OK if all(part.ok for part in self.answer.parts) else Condition.DEGRADED


@dataclasses.dataclass(frozen=True)
class Seen:
    """The latest look at a service, and since when it has been like this, as far as was looked."""

    look: Look
    since: datetime.datetime


def overall(seen: Sequence[Seen], *, draining: bool) -> Condition:
    """Return how the gateway is for its callers: down when nothing works, degraded when something does not."""
    needed = [each.look.condition for each in seen if each.look.needed]
    if draining or Condition.DOWN in needed:
        return Condition.DOWN
    well = all(each.look.condition is Condition.OK for each in seen)
    return Condition.OK if well else Condition.DEGRADED


def cause(look: Look) -> str:
    """Say in a sentence what is wrong with a service; "" if nothing is. It names no host and no path."""
    if look.answer is None:
        return "It does not answer."
    ailing = [f"{part.name} ({part.reason})" for part in look.answer.parts if not part.ok]
    if not ailing:
        return "" if look.answer.ready else "It says that it cannot serve."
    means = "It cannot serve" if not look.answer.ready else "It does less than it could"
    return f"{means}: {', '.join(ailing)}. Its logs say more."
