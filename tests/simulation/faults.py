"""What can go wrong: a list that is drawn before anything runs, so that each entry can be left out."""

import dataclasses
import enum
from collections.abc import Callable, Sequence

from tests.simulation import history, loop


class Kind(enum.StrEnum):
    """Every fault there is. What `who`, `seconds` and `count` mean stands behind each."""

    # --- processes: who, gone or frozen for `seconds`
    KILL = "killed"
    KILL_AND_WIPE = "killed, its disk lost"
    FREEZE = "frozen, thawed as a zombie"
    STOP = "stopped in order"
    # --- the same, in the middle of something: `where` it is
    KILL_WITHIN = "killed in the middle of something"
    FREEZE_WITHIN = "frozen in the middle of something"
    # --- machines: the wall clock of who jumps by `seconds`, either way
    CLOCK_JUMP = "clock jumps"
    # --- calls between processes: from or to who, for `seconds`, or the next `count`
    CUT = "cut off the network"
    CALL_SLOW = "calls are slow"
    ANSWER_LOST = "an answer is lost"
    CALL_TWICE = "a call arrives twice"
    # --- the bus
    BUS_AWAY = "bus away"
    BUS_FORGETS = "bus forgets everything"
    MESSAGE_LOST = "a message is lost"
    MESSAGE_TWICE = "a message comes twice"
    MESSAGE_LATE = "a message comes late, out of order"
    PUBLISH_UNANSWERED = "a publish is stored, unanswered"
    ACK_LOST = "an ack is lost"
    # --- databases: who is "record" or "index"
    DATABASE_AWAY = "database away"
    COMMIT_UNTOLD = "committed, answer lost"
    COMMIT_LOST = "not committed, answer lost"
    WORK_AGAIN = "work rolled back and run again"
    # --- vendors: the next `count` of who
    UNREACHABLE = "vendor unreachable"
    SUBMIT_VANISHES = "submit lost before it arrives"
    SUBMIT_UNANSWERED = "created, connection broken"
    SUBMIT_CUT = "connection broken, created nevertheless"
    SUBMIT_HANGS = "created, never answered"
    SUBMIT_SLOW = "created, answered late"
    UNREADABLE = "an answer nobody can read"
    BUSY = "vendor busy"
    REFUSED = "vendor refuses"
    REFUSED_FOR_GOOD = "vendor refuses for good"
    UNSAFE = "vendor finds it unsafe"
    JOB_FAILS = "job fails"
    JOB_GONE = "vendor forgets a job"
    CLIP_BROKEN = "clip is no video"
    CLIP_LOST = "clip cannot be had"
    FETCH_BREAKS = "download breaks off"
    POLL_FAILS = "status page away"
    LIST_FAILS = "list away"
    LIST_SLOW = "list answered late"
    LIST_CUT = "list not complete"
    LIST_FOREIGN = "somebody else's list"
    # --- vendors whose card lies: what the protocol does not promise to survive unpaid
    CREATED_LATE = "created later than the card says"
    LISTED_LATE = "listed later than the card says"
    # --- storage and media
    STORAGE_FULL = "storage full"
    STEP_FAILS = "a step fails"
    STEP_REJECTS_CLIP = "a step finds a clip broken"


LIES = frozenset({Kind.CREATED_LATE, Kind.LISTED_LATE})


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault."""

    kind: Kind
    #: Virtual seconds.
    at: float
    who: str = ""
    seconds: float = 0.0
    count: int = 1
    where: str = ""

    @property
    def until(self) -> float:
        """Return when it is over; one that waits for its occasion may strike later."""
        return self.at + max(self.seconds, 0.0)

    def __str__(self) -> str:
        """Return it for people."""
        span = f" for {self.seconds:.1f} s" if self.seconds else ""
        times = f" {self.count} times" if self.count > 1 else ""
        where = f" ({self.where})" if self.where else ""
        return f"{self.at:6.2f} s  {self.who or 'anybody':<16} {self.kind}{where}{span}{times}"


class Weather:
    """The faults of a run as those ask about them whom they concern."""

    def __init__(self, faults: Sequence[Fault], now: Callable[[], float], log: history.History) -> None:
        """Take the whole list; some of it nobody ever asks about."""
        self._faults = faults
        self._now = now
        self._history = log
        self._left = {number: fault.count for number, fault in enumerate(faults)}

        #: Called with a fault that strikes a process in the middle of something.
        self.on_within: Callable[[Fault], None] = lambda _: None

    def passed(self, where: str, who: str = "") -> None:
        """Say where a process is, "" the one that runs: fate may have waited for that."""
        owner = loop.OWNER.get()
        name = who or (owner.name if owner else "")
        for kind in (Kind.KILL_WITHIN, Kind.FREEZE_WITHIN):
            if fault := self.strikes(kind, name, where, where=where):
                self.on_within(fault)

    def during(self, kind: Kind, *whose: str) -> Fault | None:
        """Return the fault of this kind that holds now for one of these; say so when it strikes first."""
        now = self._now()
        for number, fault in enumerate(self._faults):
            if fault.kind is kind and fault.at <= now < fault.until and fault.who in whose:
                if self._left[number]:
                    self._left[number] = 0
                    self._history.struck(kind.name, fault.who, f"{fault.until - now:.3f} s to go")
                return fault
        return None

    def strikes(self, kind: Kind, who: str, what: str = "", where: str = "") -> Fault | None:
        """Return the fault of this kind that waits for this occasion, and count it."""
        now = self._now()
        for number, fault in enumerate(self._faults):
            waits = fault.at <= now and self._left[number] > 0
            if waits and (fault.kind, fault.who, fault.where) == (kind, who, where):
                self._left[number] -= 1
                self._history.struck(kind.name, who, what)
                return fault
        return None
