"""The few words into which every provider's many answers are translated: verdicts, states and endings."""

import enum
from dataclasses import dataclass


class Verdict(enum.StrEnum):
    """How a submit ended that yielded no id."""

    NOT_SENT = "NOT_SENT"  # it certainly never left
    REFUSED = "REFUSED"  # the provider's own documented refusal, worth another submit
    BUSY = "BUSY"  # the provider's own 429 or 503
    REFUSED_FOR_GOOD = "REFUSED_FOR_GOOD"  # another submit of the same cannot succeed
    UNSAFE = "UNSAFE"  # refused for safety
    UNKNOWN = "UNKNOWN"  # nobody knows whether a job was created


class Outcome(enum.StrEnum):
    """How a job ended. All but SUCCEEDED are verified negatives."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    FILTERED = "FILTERED"
    CANCELLED = "CANCELLED"
    GONE = "GONE"
    FETCH_LOST = "FETCH_LOST"  # made and billed, but its bytes cannot be had any more
    BROKEN = "BROKEN"  # stored, but no video that can be decoded
    REFUSED = "REFUSED"  # taken, and then the provider could do nothing with what was asked: nobody else is worse off


class Evidence(enum.StrEnum):
    """How it was learnt that a job belongs to an attempt, weakest first."""

    ADOPTION = "ADOPTION"
    WEBHOOK = "WEBHOOK"
    RECORD = "RECORD"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider created a job. `project` is what its ids are unique within; empty means the account."""

    job_id: str
    project: str = ""


@dataclass(frozen=True, slots=True)
class Declined:
    """The submit yielded no id. `message` is a sentence, the provider's own where it gave one."""

    verdict: Verdict
    message: str
    retry_after_seconds: float | None = None


Submitted = Accepted | Declined


@dataclass(frozen=True, slots=True)
class Pending:
    """Not finished. `look_again_after_seconds` is the provider's own hint, if it gave one."""

    progress_percent: int | None = None
    activity: str = "rendering"
    look_again_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Finished; the bytes can be fetched. Cost in micro-dollars; None means the price of the attempt.

    `remark` is a sentence for the user about what came out otherwise than asked; empty when there is none.
    """

    cost_micros: int | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Negative:
    """The provider itself says that nothing comes of it: FAILED, FILTERED or CANCELLED, with what it costs."""

    outcome: Outcome
    message: str
    cost_micros: int | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """The provider itself says that it knows no such id, nor does its list have it. The card says what that means."""

    message: str = "the provider knows no such job"


@dataclass(frozen=True, slots=True)
class Unknown:
    """The question was not answered, or the answer could not be read. Says nothing about the job.

    `look_again_after_seconds` is what the provider asked for, if it said.
    """

    message: str
    look_again_after_seconds: float | None = None


JobState = Pending | Succeeded | Negative | Missing | Unknown


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of one job."""

    job_id: str
    state: JobState


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a stored clip turned out to be: pixels, seconds, bytes."""

    width: int
    height: int
    duration_seconds: float
    size_bytes: int
