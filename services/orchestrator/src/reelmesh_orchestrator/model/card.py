"""What a provider can do, and the accounts that we have at it: data for planning and routing."""

import dataclasses
import datetime
import enum
import math


class Recovery(enum.StrEnum):
    """How a lost job can be found again."""

    EXACT = "EXACT"
    OUTPUT = "OUTPUT"
    WEBHOOK = "WEBHOOK"
    LISTING = "LISTING"
    NONE = "NONE"


@dataclasses.dataclass(frozen=True)
class Price:
    """A price that holds from a date on."""

    effective_on: datetime.date
    micros_per_second: int
    micros_per_clip: int

    def of(self, duration_seconds: float) -> int:
        """Return the price of a clip, micro-dollars, rounded up."""
        return self.micros_per_clip + math.ceil(self.micros_per_second * duration_seconds)


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """One model of a provider."""

    model: str
    shortest_seconds: float
    longest_seconds: float
    #: Lengths on offer; empty means any between shortest and longest.
    durations_seconds: tuple[float, ...]
    #: Sizes on offer as (width, height); empty means any up to `largest_pixels`.
    sizes: tuple[tuple[int, int], ...]
    largest_pixels: int
    reference_images: int
    first_frame: bool
    audio: bool
    prices: tuple[Price, ...]
    retires_on: datetime.date | None
    longest_render_seconds: float
    #: Typical rendering time for each second of video, seconds.
    seconds_per_second: float
    #: Characters; 0 means no limit known.
    longest_prompt: int
    #: 1 economy, 2 standard, 3 premium; 0 means that nobody said.
    quality: int = 0
    #: Whether it makes nothing of words alone.
    needs_picture: bool = False
    #: Whether it can end on a given frame, where it starts from one too.
    last_frame: bool = False
    negative_prompt: bool = False
    #: Whether it takes reference images beside a given frame.
    references_with_frames: bool = False
    #: Whether it ends on a given frame without one to start from, too.
    last_frame_alone: bool = False

    def price(self, day: datetime.date) -> Price | None:
        """Return the price in force on a day."""
        known = [price for price in self.prices if price.effective_on <= day]
        return max(known, key=lambda price: price.effective_on) if known else None


@dataclasses.dataclass(frozen=True)
class Card:
    """A provider."""

    provider: str
    version: str
    models: tuple[ModelCard, ...]
    recovery: Recovery
    free: bool
    creation_delay_seconds: float
    listing_delay_seconds: float
    cancellable: bool
    polls_per_second: float


@dataclasses.dataclass(frozen=True)
class Account:
    """Our credentials at a provider, with their limits."""

    id: str
    provider: str
    #: Attempts in flight at most.
    slots: int
    #: Whether nobody else uses it: then every job in it is ours.
    exclusive: bool
    enabled: bool = True
    #: Requests for observing; None means what the provider's card says.
    polls_per_second: float | None = None
    #: Whether it stands in the list of accounts that the operator keeps; others were made for free providers.
    listed: bool = False
