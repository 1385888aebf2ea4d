"""Who lives: judged by the observer's own clock, from what it sees change in the database."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Sighting:
    """When the observer first saw a value, on its own clock."""

    value: int
    seen_at: float


@dataclasses.dataclass(frozen=True)
class Watch:
    """What one observer has seen so far. Nothing in it survives the observer: a new one begins to wait anew."""

    sightings: Mapping[str, Sighting] = dataclasses.field(default_factory=dict[str, Sighting])

    def after(self, values: Mapping[str, int], elapsed: float) -> "Watch":
        """Return the watch after another look: what is gone is forgotten, what changed is seen anew."""
        kept: dict[str, Sighting] = {}
        for key, value in values.items():
            known = self.sightings.get(key)
            kept[key] = known if known and known.value == value else Sighting(value, elapsed)
        return Watch(kept)

    def unchanged(self, elapsed: float, seconds: float) -> tuple[str, ...]:
        """Return what has not changed for `seconds`, while the observer could look."""
        return tuple(key for key, seen in self.sightings.items() if elapsed - seen.seen_at >= seconds)
