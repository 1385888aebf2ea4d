"""Whether a service can do its work now: named checks, and the flag that it is going away."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping

from reelmesh_kit import clock

CHECK_TIMEOUT_SECONDS = 2.0
MESSAGE_LIMIT_CHARACTERS = 500
DRAINING = "draining"

Check = Callable[[], Awaitable[None]]


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """How one check went."""

    ok: bool
    latency_ms: float
    message: str
    """What is wrong; "" if nothing is."""


@dataclasses.dataclass(frozen=True)
class HealthReport:
    """How all checks went. Ready means: send work here."""

    ready: bool
    checks: Mapping[str, CheckResult]


class Health:
    """The checks of one service."""

    def __init__(self, service_clock: clock.Clock) -> None:
        """Measure and bound checks by `service_clock`."""
        self._clock = service_clock
        self._checks: dict[str, Check] = {}
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether the service is going away: it finishes what it has and wants nothing new."""
        return self._draining

    def drain(self) -> None:
        """Say that the service is going away; there is no way back."""
        self._draining = True

    def add(self, name: str, check: Check) -> None:
        """Run `check` in every report; it returns if all is well and raises, saying what is wrong, if not."""
        if name in self._checks or name == DRAINING:
            raise ValueError(f"There is a health check named {name!r} already.")
        self._checks[name] = check

    def remove(self, name: str) -> None:
        """Forget a check that was added."""
        del self._checks[name]

    async def report(self) -> HealthReport:
        """Run all checks side by side, each for at most CHECK_TIMEOUT_SECONDS."""
        checks = dict(self._checks)
        results = await asyncio.gather(*(self._result(check) for check in checks.values()))
        by_name = dict(zip(checks, results, strict=True))
        if self._draining:
            by_name[DRAINING] = CheckResult(ok=False, latency_ms=0.0, message="The service is shutting down.")
        return HealthReport(ready=all(result.ok for result in by_name.values()), checks=by_name)

    async def _result(self, check: Check) -> CheckResult:
        began = self._clock.elapsed()
        message = ""
        try:
            await self._clock.wait_for(check(), CHECK_TIMEOUT_SECONDS)
        except TimeoutError:
            message = f"No answer within {CHECK_TIMEOUT_SECONDS} s."
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its answer, and is shown
            message = f"{type(error).__name__}: {error}"[:MESSAGE_LIMIT_CHARACTERS]
        latency_ms = round((self._clock.elapsed() - began) * 1000, 3)
        return CheckResult(ok=not message, latency_ms=latency_ms, message=message)
