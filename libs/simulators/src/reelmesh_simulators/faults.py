"""What can go wrong at a vendor, by name, and how a test asks for it: in a prompt, or by a rule."""

import enum
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from reelmesh_kit import chance

_MARKER = re.compile(r"\[\[\s*([a-z0-9-]+)(?:=([0-9.]+))?(?::([0-9]+))?\s*\]\]")

REMEMBERED_PROMPTS = 20_000


class Stage(enum.StrEnum):
    """Which of a vendor's answers a fault spoils."""

    CREATE = "create"
    JOB = "job"
    POLL = "poll"
    CONTENT = "content"
    WEBHOOK = "webhook"


class Fault(enum.StrEnum):
    """A fault. A prompt asks for it as `[[name]]`, `[[name=amount]]`, `[[name:times]]` or `[[name=amount:times]]`.

    With `:times` it happens so many times and then no more: to creates of the same request, and to later answers about
    the same job.
    """

    # Creating: nothing is made.
    VANISH = "vanish"  # the connection breaks before anything is made
    BUSY = "busy"  # the vendor's own 429, Retry-After: amount
    OVERLOADED = "overloaded"  # the vendor's own 503
    QUOTA = "quota"  # no money left: the vendor's own refusal that waiting does not help
    REFUSE = "refuse"  # the vendor's own 400
    UNSAFE = "unsafe"  # the prompt is refused for safety
    RETIRED = "retired"  # the model is not served any more
    UNAUTHORIZED = "unauthorized"  # the key is not known
    PROXY_ERROR = "proxy-error"  # a 502 of something in between, in HTML
    SERVER_ERROR = "server-error"  # a bare 500 before anything is made
    # Creating: a job is made, and the answer is lost or late.
    ACCEPT_DROP = "accept-drop"  # the connection breaks before the answer
    ACCEPT_500 = "accept-500"  # the vendor's own 500 instead of the answer
    ACCEPT_502 = "accept-502"  # a 502 of something in between, in HTML, instead of the answer
    ACCEPT_BUSY = "accept-busy"  # something in between says 429 in its own words
    ACCEPT_GARBAGE = "accept-garbage"  # 200, and a body that cannot be read
    ACCEPT_HALF = "accept-half"  # the answer breaks off in its middle
    ACCEPT_SLOW = "accept-slow"  # the answer comes after amount seconds
    LATE = "late"  # the job is made amount seconds after the request was read
    # The job.
    QUEUE = "queue"  # amount seconds longer in the queue
    SLOW = "slow"  # amount seconds longer at work
    STALL = "stall"  # never ends
    FAIL = "fail"  # fails for good; amount: the vendor's own number for why, where it has several
    FAIL_INSIDE = "fail-inside"  # fails by the vendor's own fault, which may pass; amount as above
    FILTER = "filter"  # made, and then withheld for safety; amount: so many of several
    EMPTY = "empty"  # ends well, with nothing in it
    FORGET = "forget"  # unknown to the vendor after amount seconds
    UNLISTED = "unlisted"  # not in the list for amount seconds
    # Looking.
    POLL_500 = "poll-500"
    POLL_DROP = "poll-drop"
    POLL_BUSY = "poll-busy"  # 429, Retry-After: amount
    POLL_GARBAGE = "poll-garbage"
    # The bytes.
    NO_VIDEO = "no-video"  # 200 and video/mp4, and in it an error as JSON
    CORRUPT = "corrupt"  # begins like an MP4 and is none
    TRUNCATE = "truncate"  # fewer bytes than were announced
    EXPIRED = "expired"  # the address has expired; a fresh look gives a fresh one
    LOST = "lost"  # the bytes are gone for ever
    SLOW_FETCH = "slow-fetch"  # the bytes take amount seconds
    # Telling.
    WEBHOOK_TWICE = "webhook-twice"
    WEBHOOK_FORGED = "webhook-forged"  # first comes one that somebody else signed
    WEBHOOK_LATE = "webhook-late"  # amount seconds late
    WEBHOOK_NONE = "webhook-none"

    @property
    def stage(self) -> Stage:
        """Which answers it spoils."""
        for stage, last in _LAST_OF_STAGE:
            if _ORDER[self] <= _ORDER[last]:
                return stage
        return Stage.WEBHOOK


_ORDER = {fault: place for place, fault in enumerate(Fault)}
_LAST_OF_STAGE = (
    (Stage.CREATE, Fault.LATE),
    (Stage.JOB, Fault.UNLISTED),
    (Stage.POLL, Fault.POLL_GARBAGE),
    (Stage.CONTENT, Fault.SLOW_FETCH),
)

# Creates that made a job although the caller did not learn it.
LOSES_THE_ANSWER = frozenset(
    {
        Fault.ACCEPT_DROP,
        Fault.ACCEPT_500,
        Fault.ACCEPT_502,
        Fault.ACCEPT_BUSY,
        Fault.ACCEPT_GARBAGE,
        Fault.ACCEPT_HALF,
    }
)


@dataclass(frozen=True, slots=True)
class Marker:
    """One fault as asked for. What `amount` counts is said beside the fault; `times` None means always."""

    fault: Fault
    amount: float = 0.0
    times: int | None = None


# Each look at a job reads its prompt several times.
@functools.lru_cache(maxsize=REMEMBERED_PROMPTS)
def read(text: str) -> tuple[tuple[Marker, ...], str]:
    """Return the faults that a prompt asks for, and the prompt without their markers. Unknown names stay text."""
    found: list[Marker] = []

    def take(match: re.Match[str]) -> str:
        name, amount, times = match.groups()
        if name not in set(Fault):
            return match[0]
        found.append(Marker(Fault(name), float(amount or 0), int(times) if times else None))
        return ""

    rest = _MARKER.sub(take, text)
    return tuple(found), " ".join(rest.split()) if found else text


@dataclass
class Rule:
    """A fault for whatever comes: set and taken back by who runs the simulator.

    Attributes:
        fault, amount: what happens.
        match: only where the prompt has this in it; empty means everywhere.
        times: so often, and then no more; None means until it is taken back.
        share: how many of those that match suffer it, 0 to 1, drawn by the vendor's luck.
    """

    fault: Fault
    amount: float = 0.0
    match: str = ""
    times: int | None = None
    share: float = 1.0


class Suffering:
    """Which faults happen now: those of prompts, as often as they were asked for, and those of rules."""

    def __init__(self, luck: chance.Chance) -> None:
        """Draw the shares of rules from `luck`."""
        self.rules: list[Rule] = []
        self._chance = luck
        self._suffered: dict[tuple[str, Fault], int] = {}

    def now(self, whose: str, markers: Iterable[Marker], prompt: str, *wanted: Fault) -> Marker | None:
        """Return the first of the wanted faults that happens, and count it.

        Args:
            whose: what `times` are counted by: a request, or a job.
            markers: what its prompt asked for.
            prompt: what rules are matched with.
            wanted: faults that could happen at this place, the first one first.
        """
        for fault in wanted:
            for marker in markers:
                if marker.fault is fault and self._left(whose, marker):
                    return marker
            for rule in self.rules:
                if rule.fault is fault and self._strikes(rule, prompt):
                    return Marker(fault, rule.amount)
        return None

    def laid(self, prompt: str, stage: Stage) -> tuple[Marker, ...]:
        """Return the faults of a stage that rules lay upon a request, and count them."""
        return tuple(
            Marker(rule.fault, rule.amount)
            for rule in self.rules
            if rule.fault.stage is stage and self._strikes(rule, prompt)
        )

    def _left(self, whose: str, marker: Marker) -> bool:
        before = self._suffered.get((whose, marker.fault), 0)
        self._suffered[whose, marker.fault] = before + 1
        return marker.times is None or before < marker.times

    def _strikes(self, rule: Rule, prompt: str) -> bool:
        if (
            rule.match not in prompt
            or rule.times == 0
            or (rule.share < 1 and self._chance.uniform(0.0, 1.0) >= rule.share)
        ):
            return False
        if rule.times is not None:
            rule.times -= 1
        return True
