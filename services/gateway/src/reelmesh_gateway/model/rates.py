"""How often a key may create: a bucket of tokens that refills with time. Pure: the time is an argument."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Rate:
    """At most `burst` at once, and `per_second` in the long run."""

    per_second: float
    burst: int


@dataclasses.dataclass(frozen=True)
class Bucket:
    """How many tokens there were at a moment of the observer's clock, seconds."""

    tokens: float
    at: float


def full(rate: Rate, now: float) -> Bucket:
    """Return the bucket of a key that was never seen."""
    return Bucket(float(rate.burst), now)


def take(bucket: Bucket, rate: Rate, now: float) -> tuple[Bucket, float]:
    """Take one token; return the bucket afterwards and 0, or the seconds to wait if there was none to take."""
    tokens = min(float(rate.burst), bucket.tokens + max(0.0, now - bucket.at) * rate.per_second)
    if tokens >= 1.0:
        return Bucket(tokens - 1.0, now), 0.0
    return Bucket(tokens, now), (1.0 - tokens) / rate.per_second
