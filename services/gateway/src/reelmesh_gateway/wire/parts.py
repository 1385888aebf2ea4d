"""The JSON of what generations are made of: the same fields as `reelmesh.v1`, held to them by a test."""

from typing import Literal

from reelmesh_gateway.wire import bodies

TakeState = Literal["PROCESSING", "READY", "UNUSABLE"]
ShotState = Literal["WAITING", "READY", "GENERATING", "DONE", "FAILED", "CANCELLED"]
AttemptState = Literal[
    "PLANNED",
    "DISPATCHED",
    "SUBMITTING",
    "ACCEPTED",
    "SUCCEEDED",
    "FAILED",
    "CANCELLED",
    "NOT_SENT",
    "INDETERMINATE",
    "NEVER_CREATED",
    "WRITTEN_OFF",
    "DROPPED",
]


class Rendition(bodies.Body):
    """One delivered file."""

    asset_id: str
    """Asset that holds the bytes."""
    name: str
    """Name of the rung, e.g. "1080p"."""
    width: bodies.Int32
    """Pixels."""
    height: bodies.Int32
    """Pixels."""
    duration_seconds: float | None
    """Length, seconds."""
    size_bytes: bodies.Int64
    """File size, bytes."""
    content_type: str
    """Media type, e.g. "video/mp4"."""
    url: str
    """URL that serves it for a while without a key; empty in lists."""


class Finding(bodies.Body):
    """Something the check of the result noticed."""

    kind: str
    """What: "black", "frozen", "silent", "no_audio", "corrupt", "short"."""
    start_seconds: float | None
    """Where it begins, seconds from the start."""
    end_seconds: float | None
    """Where it ends, seconds from the start."""
    message: str
    """A sentence."""


class Failure(bodies.Body):
    """Why something ended badly."""

    reason: str
    """Stable word, e.g. "ALL_CANDIDATES_FAILED", "DEADLINE", "MODERATION"."""
    message: str
    """A sentence that says what happened and what can be done."""


class Candidate(bodies.Body):
    """A provider account and model that could make a shot."""

    account_id: str
    """Account of ours."""
    provider: str
    """Provider's name, e.g. "local"."""
    model: str
    """Model's name at the provider."""
    price_micros: bodies.Int64
    """Expected price of this shot, micro-dollars."""
    struck: bool
    """Whether it was struck from the route."""
    reason: str
    """Why it stands there, or why it was struck."""


class Attempt(bodies.Body):
    """One try of one shot at one provider account: the unit that costs money."""

    id: str
    """UUID."""
    ordinal: bodies.Int32
    """Which try of the shot, 0 is the first."""
    state: AttemptState | None
    """Where it stands."""
    account_id: str
    """Account of ours."""
    provider: str
    """Provider's name."""
    model: str
    """Model's name at the provider."""
    job_id: str
    """The provider's own id of the job, once known."""
    held_micros: bodies.Int64
    """Micro-dollars set aside for it."""
    spent_micros: bodies.Int64
    """Micro-dollars it has cost."""
    failure: Failure | None
    """Why it ended as it did."""
    create_time: bodies.Moment | None
    """When it was planned."""
    submit_time: bodies.Moment | None
    """When it entered SUBMITTING."""
    complete_time: bodies.Moment | None
    """When it ended."""
    clip_asset_id: str
    """Asset of the clip that it made, when it SUCCEEDED."""


class Shot(bodies.Body):
    """A continuous clip that one provider call can make."""

    id: str
    """UUID."""
    ordinal: bodies.Int32
    """Place in the video, 0 is first."""
    state: ShotState | None
    """Where it stands."""
    duration_seconds: float | None
    """Length, seconds."""
    continues: bool
    """Whether it starts from the last frame of the one before."""
    route: list[Candidate]
    """The providers that may make it, in order, each with the reason it stands there or was struck."""
    attempts: list[Attempt]
    """Every try, oldest first."""


class Take(bodies.Body):
    """A video that is there although it was not delivered: it came too late, or another take was promoted over it."""

    number: bodies.Int32
    """Names it within the generation: 1, 2, 3 …"""
    state: TakeState | None
    """Where it stands."""
    promoted: bool
    """Whether it is what the generation delivers."""
    whole: bool
    """Whether all shots are in it; only such a take can be promoted. Else it is the one late clip."""
    attempt_id: str
    """The attempt whose clip came late; empty for a video that was delivered first."""
    provider: str
    """Who made that clip."""
    model: str
    """Model's name at the provider."""
    cost_micros: bodies.Int64
    """Micro-dollars that the attempt has cost; they are part of the generation's, promoted or not."""
    create_time: bodies.Moment | None
    """When the clip came."""
    renditions: list[Rendition]
    """Its files, highest first, once it is READY."""
    thumbnail_asset_id: str
    """Asset of the thumbnail (JPEG), once it is READY."""
    poster_asset_id: str
    """Asset of the full-size poster frame (JPEG), once it is READY."""
    findings: list[Finding]
    """What the check found."""
    message: str
    """Why it is UNUSABLE."""


class Cancellation(bodies.Body):
    """What a cancel came to, in money. Providers that were asked to stop may yet change it."""

    request_time: bodies.Moment | None
    """When it was asked for."""
    saved_micros: bodies.Int64
    """Micro-dollars that were set aside and need not be paid."""
    spent_micros: bodies.Int64
    """Micro-dollars that are paid all the same."""
    unsettled_micros: bodies.Int64
    """Micro-dollars of which it is not known yet: providers have not said how their jobs ended."""
    message: str
    """All that in a sentence."""
