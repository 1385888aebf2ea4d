"""When which job is looked at next: a heap of due times and the spacing that an account's rate asks for."""

import heapq
from dataclasses import dataclass

from reelmesh_provider.model.cards import GoneRule, Pace

JITTER = 0.2  # of each delay, up or down, so that workers do not march in step
LONGEST_BACKOFF_SECONDS = 60.0
SHORTEST_DELAY_SECONDS = 0.1
# A provider that asks for more patience than this is asked again all the same.
LONGEST_HINT_SECONDS = 600.0


def next_delay(pace: Pace, looks: int, *, hint_seconds: float | None, failures: int, jitter: float) -> float:
    """Return seconds until a job is looked at again.

    Args:
        pace: the card's.
        looks: how often it was looked at so far.
        hint_seconds: what the provider itself asked for, if anything; obeyed, never hurried. After a look that was not
            answered it only makes the delay longer.
        failures: unanswered looks in a row.
        jitter: a random number from -1 to 1.
    """
    if hint_seconds is not None and not failures:
        hint_seconds = min(hint_seconds, LONGEST_HINT_SECONDS)
        return max(SHORTEST_DELAY_SECONDS, hint_seconds * (1 + JITTER * abs(jitter)))
    grown = min(pace.longest_seconds, pace.first_seconds * pace.growth**looks)
    backoff = grown if not failures else min(LONGEST_BACKOFF_SECONDS, grown * 2.0 ** min(failures, 10))
    asked = min(hint_seconds or 0.0, LONGEST_HINT_SECONDS)
    return max(SHORTEST_DELAY_SECONDS, backoff * (1 + JITTER * jitter), asked)


@dataclass(frozen=True, slots=True)
class Absence:
    """How often in a row, and since when, a job was missing."""

    times: int = 0
    since: float = 0.0

    def again(self, now: float) -> "Absence":
        """Return the absence after one more look that found nothing."""
        return Absence(self.times + 1, self.since if self.times else now)

    def means_gone(self, rule: GoneRule | None, now: float) -> bool:
        """Tell whether this absence is what the card calls gone."""
        return rule is not None and self.times >= rule.times and now - self.since >= rule.over_seconds


class Schedule:
    """Keys by due time. Setting a key again moves it; removing forgets it."""

    def __init__(self) -> None:
        self._due: dict[str, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: str) -> bool:
        return key in self._due

    def set(self, key: str, due: float) -> None:
        """Let `key` be due at `due`."""
        self._count += 1
        self._due[key] = due, self._count
        heapq.heappush(self._heap, (due, self._count, key))

    def remove(self, key: str) -> None:
        """Forget `key`, if it is known."""
        self._due.pop(key, None)

    def take(self, now: float, limit: int) -> list[str]:
        """Remove and return up to `limit` keys that are due at `now`, longest due first.

        Those that are due at the same time come in the order in which they were set.
        """
        taken: list[str] = []
        while len(taken) < limit and self._drop_stale() and self._heap[0][0] <= now:
            *_, key = heapq.heappop(self._heap)
            del self._due[key]
            taken.append(key)
        return taken

    def next_due(self) -> float | None:
        """Return when the first key is due; None when there is none."""
        return self._heap[0][0] if self._drop_stale() else None

    def _drop_stale(self) -> bool:
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][:2]:
            heapq.heappop(self._heap)
        return bool(self._heap)


class Spacing:
    """Keeps calls to one account apart, so that no more than its rate share leave."""

    def __init__(self) -> None:
        self._free_at = 0.0

    def reserve(self, now: float, per_second: float) -> float:
        """Take the next place and return the seconds to wait for it; a rate of 0 means no limit."""
        start = max(now, self._free_at)
        if per_second > 0:
            self._free_at = start + 1.0 / per_second
        return start - now
