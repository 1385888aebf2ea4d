"""Letting callers in: whose key it is, what it may do, and how often."""

import collections
import datetime
import math

from reelmesh_kit import clock, errors

from reelmesh_gateway import ports
from reelmesh_gateway.model import keys, rates

# Buckets of keys that were not used for long are forgotten first; a forgotten key starts with a full one.
BUCKETS_LIMIT = 10_000


class Entrance:
    """The one place that decides whether a call may go on; both edges ask it."""

    def __init__(self, issued: ports.Keys, entrance_clock: clock.Clock, creates: rates.Rate) -> None:
        """Know the `issued` keys, and bound by `creates` how often each may begin something that costs money."""
        self._issued = issued
        self._clock = entrance_clock
        self._creates = creates
        self._buckets: collections.OrderedDict[str, rates.Bucket] = collections.OrderedDict()

    def identify(self, text: str | None) -> keys.Key:
        """Return the key that a caller presented.

        Raises:
            Unauthenticated: there is none, it is garbled, unknown, revoked, or its secret is wrong: never says which.
        """
        presented = keys.parse(text) if text is not None else None
        if presented is None:
            raise errors.Unauthenticated
        key = self._issued.find(presented.key_id)
        if not keys.fits(key, presented) or key is None:
            raise errors.Unauthenticated
        return key

    def require(self, key: keys.Key, scope: keys.Scope) -> None:
        """Refuse a key that lacks `scope`.

        Raises:
            PermissionDenied: it does.
        """
        if scope not in key.scopes:
            raise errors.PermissionDenied(
                f'The API key is valid but lacks the scope "{scope}". Use a key that has it.', scope=scope
            )

    def spend_create(self, key: keys.Key) -> None:
        """Count one create against the key's rate.

        Raises:
            RateLimited: the key has used up its share; says when there is more.
        """
        now = self._clock.elapsed()
        bucket = self._buckets.pop(key.id, None) or rates.full(self._creates, now)
        bucket, wait_seconds = rates.take(bucket, self._creates, now)
        self._buckets[key.id] = bucket
        if len(self._buckets) > BUCKETS_LIMIT:
            self._buckets.popitem(last=False)
        if wait_seconds:
            retry_after = datetime.timedelta(seconds=math.ceil(wait_seconds))
            raise errors.RateLimited(retry_after=retry_after)
