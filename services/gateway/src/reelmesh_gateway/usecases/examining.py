"""Looking after the services behind the gateway: how each is, since when, and telling operators when that changes."""

import asyncio
import dataclasses
import logging
from collections.abc import Mapping, Sequence

from reelmesh_kit import clock, errors

from reelmesh_gateway import ports
from reelmesh_gateway.model import condition

# Anybody may ask, so that asking often must not mean calling often.
REPORT_LIFETIME_SECONDS = 1.0
# Looked at also when nobody asks, so that "since" is true.
LOOK_EVERY_SECONDS = 5.0
# Services of a mesh start side by side: one that was never well is no reason to warn before this.
STARTING_SECONDS = 30.0


@dataclasses.dataclass(frozen=True)
class Peer:
    """A service to look after."""

    port: ports.Peer
    needed: bool
    """Whether the gateway is of no use without it."""


class Examining:
    """What is known about the services behind the gateway."""

    def __init__(self, peers: Mapping[str, Peer], examining_clock: clock.Clock, logger: logging.Logger) -> None:
        """Look after `peers`, by their names."""
        self._peers = peers
        self._clock = examining_clock
        self._logger = logger
        self._looking = asyncio.Lock()
        self._seen: dict[str, condition.Seen] = {}
        self._looked_at: float | None = None
        self._began = examining_clock.elapsed()
        self._been_well: set[str] = set()
        # What operators were told of each that is not well.
        self._told: dict[str, condition.Condition] = {}

    async def latest(self) -> Sequence[condition.Seen]:
        """Return how each service is, or was a moment ago; who asks meanwhile waits for the same look."""
        async with self._looking:
            now = self._clock.elapsed()
            if self._looked_at is None or now - self._looked_at >= REPORT_LIFETIME_SECONDS:
                for look in await asyncio.gather(*(self._look(name, peer) for name, peer in self._peers.items())):
                    self._remember(look)
                self._looked_at = self._clock.elapsed()
            return list(self._seen.values())

    async def met(self) -> None:
        """Return if each service that is needed was well once, or has had its time to start.

        Whoever is sent to a door that opened before them would be refused. Later on, being refused with words is better
        than finding no door.

        Raises:
            errors.Unavailable: one has not been well yet.
        """
        await self.latest()
        for name, peer in self._peers.items():
            if peer.needed and name not in self._been_well and self._may_be_starting(name):
                raise errors.Unavailable(f"{name} has not been well yet")

    async def watch(self) -> None:
        """Look again and again, for ever."""
        while True:
            await self.latest()
            await self._clock.sleep(LOOK_EVERY_SECONDS)

    async def _look(self, name: str, peer: Peer) -> condition.Look:
        began = self._clock.elapsed()
        try:
            answer = await peer.port.ask()
        except errors.ReelmeshError as error:
            self._logger.debug("%s was asked how it is: %s", name, error)
            answer = None
        latency_ms = round((self._clock.elapsed() - began) * 1000, 3)
        return condition.Look(name, peer.needed, answer, latency_ms)

    def _remember(self, look: condition.Look) -> None:
        before = self._seen.get(look.service)
        same = before is not None and before.look.condition is look.condition
        self._seen[look.service] = condition.Seen(look, before.since if before and same else self._clock.now())
        if look.condition is condition.Condition.OK:
            self._been_well.add(look.service)
            if self._told.pop(look.service, None):
                self._logger.info("%s is well again.", look.service)
        elif self._told.get(look.service) is not look.condition and not self._may_be_starting(look.service):
            self._told[look.service] = look.condition
            self._logger.warning("%s is %s. %s", look.service, look.condition, condition.cause(look))

    def _may_be_starting(self, service: str) -> bool:
        return service not in self._been_well and self._clock.elapsed() - self._began < STARTING_SECONDS
