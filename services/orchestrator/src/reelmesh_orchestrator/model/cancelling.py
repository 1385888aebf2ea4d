"""What a cancel comes to, in money: what it has saved, and what is paid all the same."""

import dataclasses

from reelmesh_orchestrator.model.draft import Aggregate


@dataclasses.dataclass(frozen=True)
class Money:
    """Micro-dollars of a generation that was cancelled."""

    #: Set aside when it was asked for, and not to be paid.
    saved_micros: int
    #: Paid all the same, before and since.
    spent_micros: int
    #: Of which nobody knows yet: providers have not said how their jobs ended.
    unsettled_micros: int

    @property
    def words(self) -> str:
        """Return it as a sentence."""
        said = [f"{dollars(self.saved_micros)} is saved", f"{dollars(self.spent_micros)} is paid all the same"]
        if self.unsettled_micros:
            said.append(f"{dollars(self.unsettled_micros)} is open until providers say how their jobs ended")
        return "; ".join(said)


def money(aggregate: Aggregate) -> Money | None:
    """Return what a cancel came to so far; None when none was asked for."""
    asked = aggregate.generation.cancel_time
    if asked is None:
        return None
    saved = sum(
        max(one.price_micros - one.spent_micros, 0)
        for one in aggregate.attempts
        if not one.open and one.complete_time is not None and one.complete_time >= asked
    )
    return Money(saved, aggregate.spent_micros, aggregate.held_micros)


def dollars(micros: int) -> str:
    """Return micro-dollars as "$1.25", with as many digits as it takes."""
    whole, rest = divmod(micros, 1_000_000)
    digits = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"${whole}.{digits}"
