"""Whether a service can do its work now: named checks, since when each is as it is, and the flag that it goes away."""

import asyncio
import dataclasses
import datetime
from collections.abc import Awaitable, Callable, Mapping

from reelmesh_kit import clock, errors

CHECK_TIMEOUT_SECONDS = 2.0
MESSAGE_LIMIT_CHARACTERS = 500
DRAINING = "draining"
# Who must know without asking looks this often.
FOLLOW_SECONDS = 2.0
# So many looks in a row must agree before somebody is told that it changed: one slow answer is no outage.
LOOKS_THAT_AGREE = 2

Check = Callable[[], Awaitable[None]]


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """How one check went."""

    ok: bool
    latency_ms: float
    message: str
    """What is wrong, for operators; "" if nothing is."""
    reason: errors.Reason | None = None
    """The same as a word that may be told to anybody; None if nothing is wrong."""
    needed: bool = True
    """Whether the service is of no use without what was checked; else it only does less."""
    since: datetime.datetime | None = None
    """Since when it has been like this, as far as was looked."""


@dataclasses.dataclass(frozen=True)
class HealthReport:
    """How all checks went. Ready means: send work here."""

    ready: bool
    checks: Mapping[str, CheckResult]


class Health:
    """The checks of one service."""

    def __init__(self, service_clock: clock.Clock, *, follow_seconds: float = FOLLOW_SECONDS) -> None:
        """Measure and bound checks by `service_clock`; tell followers every `follow_seconds`."""
        self._clock = service_clock
        self._follow_seconds = follow_seconds
        self._checks: dict[str, tuple[Check, bool]] = {}
        self._seen: dict[str, tuple[bool, datetime.datetime]] = {}
        self._draining_since: datetime.datetime | None = None
        self._leaving = False
        self._looking = asyncio.Lock()
        self._latest: HealthReport | None = None
        self._latest_at = 0.0

    @property
    def leaving(self) -> bool:
        """Whether the service still takes all that comes, but wants to be forgotten: it will go away soon."""
        return self._leaving

    def leave(self) -> None:
        """Say that the service will go away soon; there is no way back."""
        self._leaving = True

    @property
    def draining(self) -> bool:
        """Whether the service is going away: it finishes what it has and wants nothing new."""
        return self._draining_since is not None

    def drain(self) -> None:
        """Say that the service is going away; there is no way back."""
        self._draining_since = self._draining_since or self._clock.now()

    def add(self, name: str, check: Check, *, needed: bool = True) -> None:
        """Run `check` in every report; it returns if all is well and raises, saying what is wrong, if not.

        Args:
            name: what is checked.
            check: bounded by CHECK_TIMEOUT_SECONDS.
            needed: whether the service is not ready without; else the report only tells.
        """
        if name in self._checks or name == DRAINING:
            raise ValueError(f"There is a health check named {name!r} already.")
        self._checks[name] = (check, needed)

    def remove(self, name: str) -> None:
        """Forget a check that was added."""
        del self._checks[name]
        self._seen.pop(name, None)

    async def report(self) -> HealthReport:
        """Run all checks side by side, each for at most CHECK_TIMEOUT_SECONDS."""
        checks = dict(self._checks)
        results = await asyncio.gather(*(self._result(*each) for each in checks.values()))
        by_name = {name: self._dated(name, result) for name, result in zip(checks, results, strict=True)}
        if self._draining_since is not None:
            by_name[DRAINING] = CheckResult(
                ok=False,
                latency_ms=0.0,
                message="The service is shutting down.",
                reason=errors.Reason.UNAVAILABLE,
                since=self._draining_since,
            )
        ready = all(result.ok or not result.needed for result in by_name.values())
        self._latest, self._latest_at = HealthReport(ready=ready, checks=by_name), self._clock.elapsed()
        return self._latest

    async def recent(self, lifetime_seconds: float) -> HealthReport:
        """Return the latest report if it is young enough, else a new one; who asks meanwhile waits for the same one."""
        async with self._looking:
            if self._latest is None or self._clock.elapsed() - self._latest_at >= lifetime_seconds:
                return await self.report()
            return self._latest

    async def follow(self, tell: Callable[[HealthReport], Awaitable[None]]) -> None:
        """Give a report to `tell` again and again, for ever."""
        while True:
            await tell(await self.recent(self._follow_seconds / 2))
            await self._clock.sleep(self._follow_seconds)

    async def _result(self, check: Check, needed: bool) -> CheckResult:
        began = self._clock.elapsed()
        message, reason = "", None
        try:
            await self._clock.wait_for(check(), CHECK_TIMEOUT_SECONDS)
        except TimeoutError:
            message, reason = f"No answer within {CHECK_TIMEOUT_SECONDS} s.", errors.Reason.DEADLINE_EXCEEDED
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its answer, and is shown
            message = f"{type(error).__name__}: {error}"[:MESSAGE_LIMIT_CHARACTERS]
            reason = error.reason if isinstance(error, errors.ReelmeshError) else errors.Reason.INTERNAL
        latency_ms = round((self._clock.elapsed() - began) * 1000, 3)
        return CheckResult(ok=reason is None, latency_ms=latency_ms, message=message, reason=reason, needed=needed)

    def _dated(self, name: str, result: CheckResult) -> CheckResult:
        was_ok, since = self._seen.get(name, (None, self._clock.now()))
        if was_ok is not result.ok:
            since = self._clock.now()
            if name in self._checks:
                self._seen[name] = (result.ok, since)
        return dataclasses.replace(result, since=since)


class Steady:
    """What is told to who acts upon it: a change only once LOOKS_THAT_AGREE looks in a row have seen it."""

    def __init__(self) -> None:
        """Begin with nothing told; the first look is believed."""
        self._told: bool | None = None
        self._others = 0

    def see(self, ready: bool) -> bool:
        """Take one look into account; return what is to be told now."""
        self._others = self._others + 1 if self._told is not None and ready is not self._told else 0
        if self._told is None or self._others >= LOOKS_THAT_AGREE:
            self._told, self._others = ready, 0
        return self._told
