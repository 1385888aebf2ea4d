"""What goes wrong behind the gateway that is measured, and where."""

import dataclasses
from collections.abc import Sequence

from reelmesh_simulators.faults import Fault, Rule


@dataclasses.dataclass(frozen=True)
class Case:
    """One thing that goes wrong.

    Attributes:
        name: of its row.
        fault: what happens; None for nothing.
        amount: see the fault.
        times: how often it happens to a request; None for always.
        everywhere: at the fallback as well, not at the first vendor alone.
    """

    name: str
    fault: Fault | None = None
    amount: float = 0.0
    times: int | None = None
    everywhere: bool = False

    def rule(self, match: str) -> Rule | None:
        """Return the rule by which it happens to requests whose prompt has `match` in it."""
        return None if self.fault is None else Rule(self.fault, self.amount, match, self.times)


NOTHING = Case("none")
ALL: Sequence[Case] = (
    NOTHING,
    # A job is made, and the gateway does not learn of it.
    Case("accept-drop", Fault.ACCEPT_DROP),
    Case("accept-drop-everywhere", Fault.ACCEPT_DROP, everywhere=True),
    Case("accept-500", Fault.ACCEPT_500),
    Case("accept-502", Fault.ACCEPT_502),
    Case("accept-half", Fault.ACCEPT_HALF),
    Case("accept-garbage", Fault.ACCEPT_GARBAGE),
    # No job is made.
    Case("vanish-once", Fault.VANISH, times=1),
    Case("server-error-once", Fault.SERVER_ERROR, times=1),
    Case("busy-once", Fault.BUSY, amount=1, times=1),
    Case("overloaded-once", Fault.OVERLOADED, times=1),
    # The job, looking at it, and its bytes.
    Case("slow", Fault.SLOW, amount=3),
    Case("fail", Fault.FAIL),
    Case("poll-500-thrice", Fault.POLL_500, times=3),
    Case("poll-drop-thrice", Fault.POLL_DROP, times=3),
    Case("poll-busy-thrice", Fault.POLL_BUSY, amount=1, times=3),
    Case("no-video-once", Fault.NO_VIDEO, times=1),
    Case("truncate-once", Fault.TRUNCATE, times=1),
)
BY_NAME = {case.name: case for case in ALL}
