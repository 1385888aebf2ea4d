"""What goes wrong with a request: at the vendor, by markers in its prompt, or at the worker, by SIGKILL."""

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        name: of its row.
        markers: what the prompt asks the simulated vendor for.
        lost: nobody learns what became of the request; where nothing can be looked up, its deadline ends the wait.
        endless: the vendor never says how the job ends.
        bill_known: whether anybody can know what the vendor takes for it.
        point: the crash point at which the worker kills itself.
        kill: when the worker is killed from outside: "asked" as soon as the vendor has read the request, "made" as soon
            as there is a job; "" for never.
        telling: whether it is about what the vendor tells at our address; only where the vendor does.
        again: whether it is asked, looked or fetched again after a pause, or made by somebody else in the end.
    """

    name: str
    markers: str = ""
    lost: bool = False
    endless: bool = False
    bill_known: bool = True
    point: str = ""
    kill: str = ""
    telling: bool = False
    again: bool = False

    @property
    def slow(self) -> bool:
        """Whether much of it is waiting: such films are begun first, so that the last ones are quick."""
        return self.lost or self.again

    @property
    def kills(self) -> bool:
        """Whether the worker dies of it."""
        return bool(self.point or self.kill)


NONE = Fault("none")


def _lost(name: str, markers: str) -> Fault:
    return Fault(name, markers, lost=True)


def _plain(*names: str) -> Sequence[Fault]:
    return [Fault(name, f"[[{name}]]") for name in names]


AT_THE_VENDOR: Sequence[Fault] = (
    # The answer to the create is lost, and a job was made.
    _lost("accept-drop", "[[accept-drop]]"),
    _lost("accept-half", "[[accept-half]]"),
    _lost("accept-500", "[[accept-500]]"),
    _lost("accept-502", "[[accept-502]]"),
    _lost("accept-busy", "[[accept-busy]]"),
    _lost("accept-garbage", "[[accept-garbage]]"),
    _lost("accept-slow", "[[accept-slow=30]]"),
    _lost("late-and-drop", "[[late=1]] [[accept-drop]]"),
    _lost("drop-and-unlisted", "[[accept-drop]] [[unlisted=2]]"),
    # It is lost, and no job was made.
    _lost("vanish", "[[vanish:1]]"),
    _lost("server-error", "[[server-error:1]]"),
    _lost("proxy-error", "[[proxy-error:1]]"),
    # The vendor is slow, busy, or says no.
    Fault("slow-accept", "[[accept-slow=1]]"),
    Fault("busy", "[[busy=0.3:2]]"),
    Fault("overloaded", "[[overloaded:1]]", again=True),
    *_plain("refuse", "unsafe", "unauthorized", "retired"),
    # At some vendors it is their word for "too fast", and is asked again.
    Fault("quota", "[[quota:3]]", again=True),
    # The job.
    Fault("queue", "[[queue=3]]"),
    Fault("slow", "[[slow=3]]"),
    Fault("stall", "[[stall]]", endless=True),
    *_plain("fail", "fail-inside", "filter", "empty"),
    Fault("forget", "[[forget=0]]", endless=True, bill_known=False),
    # Looking at it.
    Fault("poll-500", "[[poll-500:3]]"),
    Fault("poll-drop", "[[poll-drop:3]]"),
    Fault("poll-busy", "[[poll-busy=1:3]]"),
    Fault("poll-garbage", "[[poll-garbage:3]]"),
    # Its bytes.
    *_plain("no-video", "corrupt", "lost"),
    Fault("no-video-at-first", "[[no-video:2]]"),
    Fault("truncate", "[[truncate:2]]"),
    Fault("expired", "[[expired:2]]"),
    Fault("slow-fetch", "[[slow-fetch=2]]"),
)


def _telling(name: str, markers: str, *, lost: bool = False) -> Fault:
    return Fault(name, markers, lost=lost, telling=True)


IN_WHAT_IS_TOLD: Sequence[Fault] = (
    _telling("webhook-twice", "[[webhook-twice]]"),
    # First comes one that somebody else has signed.
    _telling("webhook-forged", "[[webhook-forged]]"),
    _telling("webhook-late", "[[webhook-late=2]]"),
    _telling("webhook-none", "[[webhook-none]]"),
    # The job ends, and its end is told, before its create is answered.
    _telling("webhook-first", "[[accept-slow=3]]"),
    # The id is lost: only what is told, or a list, can bring it back.
    _telling("drop-and-webhook-twice", "[[accept-drop]] [[webhook-twice]]", lost=True),
    _telling("drop-and-webhook-forged", "[[accept-drop]] [[webhook-forged]]", lost=True),
    _telling("drop-and-webhook-none", "[[accept-drop]] [[webhook-none]]", lost=True),
)
AT_THE_WORKER: Sequence[Fault] = (
    Fault("kill: leave given", lost=True, point="provider.submit.granted"),
    Fault("kill: request read", "[[late=2]]", lost=True, kill="asked"),
    Fault("kill: job made", "[[accept-slow=3]]", lost=True, kill="made"),
    Fault("kill: answer there", lost=True, point="provider.submit.answered"),
    Fault("kill: id on disk", lost=True, point="provider.submit.journalled"),
)
# Of one vendor that tells nothing.
LOST: Sequence[Fault] = tuple(fault for fault in (*AT_THE_VENDOR, *AT_THE_WORKER) if fault.lost)
ALL: Sequence[Fault] = (NONE, *AT_THE_VENDOR, *IN_WHAT_IS_TOLD, *AT_THE_WORKER)
BY_NAME = {fault.name: fault for fault in ALL}
