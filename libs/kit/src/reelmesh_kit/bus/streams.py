"""The streams, declared in this one place: what they hold, for how long, and what happens when they are full."""

from collections.abc import Mapping
from dataclasses import dataclass

from nats.js import api

_MEBIBYTE = 1024 * 1024
_DAY_SECONDS = 24 * 3600.0

# A message id is remembered for this long, also after its message was acknowledged.
DUPLICATE_WINDOW_SECONDS = 120.0


@dataclass(frozen=True)
class Stream:
    """One JetStream stream."""

    name: str
    prefix: str
    """First token of its subjects; it holds everything below it."""
    retention: api.RetentionPolicy
    discard: api.DiscardPolicy
    size_limit_bytes: int
    age_limit_seconds: float = 0.0
    """0: no limit."""
    few_subjects: bool = False
    """Whether its subjects are few enough to be names of spans; sending to others is none, but carries a trace on."""

    def config(self, replicas: int) -> api.StreamConfig:
        """Return what the server is told."""
        return api.StreamConfig(
            name=self.name,
            subjects=[f"{self.prefix}.>"],
            retention=self.retention,
            discard=self.discard,
            max_bytes=self.size_limit_bytes,
            max_age=self.age_limit_seconds,
            storage=api.StorageType.FILE,
            num_replicas=replicas,
            duplicate_window=DUPLICATE_WINDOW_SECONDS,
            allow_direct=True,
        )

    def label(self, subject: str) -> str:
        """Return a name for a subject of this stream that has no ids in it."""
        return subject if self.few_subjects else self.prefix


# Full, it refuses: dropping the oldest would silently lose work that was acknowledged.
TASKS = Stream(
    "TASKS", "task", api.RetentionPolicy.WORK_QUEUE, api.DiscardPolicy.NEW, 256 * _MEBIBYTE, few_subjects=True
)
# Full, it forgets the oldest: SQL has the whole history.
EVENTS = Stream(
    "EVENTS", "event", api.RetentionPolicy.LIMITS, api.DiscardPolicy.OLD, 1024 * _MEBIBYTE, 7 * _DAY_SECONDS
)
DEAD = Stream("DEAD", "dead", api.RetentionPolicy.LIMITS, api.DiscardPolicy.OLD, 256 * _MEBIBYTE, 30 * _DAY_SECONDS)

ALL = (TASKS, EVENTS, DEAD)
_BY_PREFIX: Mapping[str, Stream] = {stream.prefix: stream for stream in ALL}


def of(subject: str) -> Stream:
    """Return the stream that holds a subject.

    Raises:
        ValueError: no stream does.
    """
    prefix = subject.partition(".")[0]
    if prefix not in _BY_PREFIX:
        raise ValueError(f"No stream holds {subject!r}; subjects begin with one of {', '.join(_BY_PREFIX)}.")
    return _BY_PREFIX[prefix]
