"""What a provider can do: data that routing reads, never code."""

import datetime
import enum
from dataclasses import dataclass

OUTPUT_GRACE_SECONDS = 300.0


class Recovery(enum.StrEnum):
    """How a job whose id was lost on the way can be found again."""

    EXACT = "EXACT"  # our own id travels with the request and can be looked up
    OUTPUT = "OUTPUT"  # the output lands at a place that we chose
    WEBHOOK = "WEBHOOK"  # our tag comes back in a webhook
    LISTING = "LISTING"  # jobs are listed with something that tells ours apart
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs from a date on, micro-dollars."""

    effective_on: datetime.date
    micros_per_second: int = 0
    micros_per_clip: int = 0


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model: what may be asked of it, what it costs, how long it takes.

    Attributes:
        durations_seconds: the exact lengths on offer; none means any between shortest and longest.
        sizes: the sizes on offer as "WIDTHxHEIGHT"; none means any up to `largest_pixels` (width times height).
        retires_on: the day from which it is no longer served; None when none is known.
        longest_render_seconds: the longest time a render is known to take.
        seconds_per_second: the typical time for each second of video.
        longest_prompt: characters; 0 means that no limit is known.
        quality: beside others': 1 economy, 2 standard, 3 premium; 0 means that nobody said.
        needs_picture: it makes nothing of words alone: a clip starts from a reference image or a given frame.
        last_frame: it can end on a given frame, where it starts from a given frame too.
        last_frame_alone: it can do that without a frame to start from as well.
        negative_prompt: it takes words for what a clip should not show.
        references_with_frames: it takes reference images beside a given frame; else one or the other.
    """

    model: str
    shortest_seconds: float
    longest_seconds: float
    prices: tuple[Price, ...]
    longest_render_seconds: float
    seconds_per_second: float
    durations_seconds: tuple[float, ...] = ()
    sizes: tuple[str, ...] = ()
    largest_pixels: int = 0
    reference_images: int = 0
    first_frame: bool = False
    audio: bool = False
    seed: bool = False
    retires_on: datetime.date | None = None
    longest_prompt: int = 0
    quality: int = 0
    needs_picture: bool = False
    last_frame: bool = False
    negative_prompt: bool = False
    references_with_frames: bool = False
    last_frame_alone: bool = False


@dataclass(frozen=True, slots=True)
class GoneRule:
    """When a job that the provider no longer knows counts as gone: `times` answers in a row over `over_seconds`."""

    times: int
    over_seconds: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a job is looked at: soon at first, then ever less often. A provider's own hint wins over it."""

    first_seconds: float = 1.0
    longest_seconds: float = 15.0
    growth: float = 1.5


@dataclass(frozen=True, slots=True)
class ProviderCard:
    """What a provider can do, as its worker states it at start.

    Attributes:
        provider: lower-case letters, digits and dashes; the queue is `task.generate.<provider>`.
        free: making costs nothing, so it may serve as a floor.
        creation_delay_seconds: longest time from the last byte of a submit to the job's creation.
        listing_delay_seconds: longest time from creation to visibility in the list.
        polls_per_second: requests for observing that one account allows; 0 means no limit.
        gone: when an unknown id means that the job is gone; None when it never means that.
        unfinished_is_unbilled: a job without output after its longest render time costs nothing.
        output_grace_seconds: after the longest render time an output that never came is waited for this much longer.
    """

    provider: str
    version: str
    models: tuple[ModelCard, ...]
    recovery: Recovery
    free: bool = False
    creation_delay_seconds: float = 30.0
    listing_delay_seconds: float = 30.0
    cancellable: bool = False
    polls_per_second: float = 0.0
    gone: GoneRule | None = None
    unfinished_is_unbilled: bool = False
    output_grace_seconds: float = OUTPUT_GRACE_SECONDS
    pace: Pace = Pace()

    @property
    def longest_render_seconds(self) -> float:
        """The longest render time of all models."""
        return max((model.longest_render_seconds for model in self.models), default=0.0)
