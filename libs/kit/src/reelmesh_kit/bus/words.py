"""What a handler is given and what it answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

TRACEPARENT_HEADER = "traceparent"
MESSAGE_ID_HEADER = "Nats-Msg-Id"


async def _nobody_waits() -> None:
    """Stand in for the sign of life where no bus waits for one: in tests of handlers."""


@dataclass(frozen=True)
class Message:
    """One message to be stored in the stream of its subject; see `Bus.publish`."""

    subject: str
    payload: bytes
    message_id: str
    traceparent: str = ""


@dataclass(frozen=True)
class Delivery:
    """One message, for the n-th time. It may have been worked on before, wholly or in part."""

    subject: str
    payload: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    deliveries: int = 1
    """Which delivery this is, from 1."""
    message_id: str = ""
    sign_of_life: Callable[[], Awaitable[None]] = _nobody_waits

    @property
    def traceparent(self) -> str:
        """The W3C traceparent of who published it; "" if none was given."""
        return self.headers.get(TRACEPARENT_HEADER, "")

    async def progress(self) -> None:
        """Say now that the work goes on. Rarely needed: the worker says so by itself while the handler runs."""
        await self.sign_of_life()


@dataclass(frozen=True)
class Done:
    """The work is done, or need not be: forget the message."""


@dataclass(frozen=True)
class Again:
    """Deliver it once more, not before this many seconds. Counts towards the deliveries that are allowed."""

    after_seconds: float = 0.0


@dataclass(frozen=True)
class Poison:
    """No delivery will ever succeed: keep it as a dead letter, with this reason."""

    reason: str


Result = Done | Again | Poison
