"""The JSON of generations: the same fields as `reelmesh.v1`, held to them by a test."""

from typing import Literal

import pydantic
from reelmesh.v1 import generation_service_pb2
from reelmesh_json import messages

from reelmesh_gateway.wire import bodies, parts

GenerationState = Literal[
    "PENDING",
    "QUEUED",
    "GENERATING",
    "PROCESSING",
    "COMPLETED",
    "REJECTED",
    "FAILED",
    "CANCELLING",
    "CANCELLED",
    "EXPIRED",
]
Delivery = Literal["VIDEO", "INFOGRAPHIC", "TEXT"]


class OutputSpec(bodies.Body):
    """What the file should be."""

    duration_seconds: float | None = None
    """Length, seconds, 1 to 60. Default 8."""
    aspect_ratio: bodies.Text | None = None
    """Width to height: "16:9" (the default), "9:16", "1:1" …; with `resolution`, where width and height are absent."""
    resolution: bodies.Int32 | None = None
    """Short side, pixels: 480, 720 (the default) or 1080."""
    width: bodies.Int32 | None = None
    """Exact width, pixels, even; wins over aspect_ratio and resolution together with height."""
    height: bodies.Int32 | None = None
    """Exact height, pixels, even."""
    frames_per_second: bodies.Int32 | None = None
    """Frames per second: 24 or 30; 0 leaves it to the provider."""
    audio: bool | None = None
    """Whether the video should have sound. Absent means yes where the provider can."""


class GenerationRequest(bodies.Body):
    """What to make."""

    prompt: bodies.Text
    """What the video should show, 1 to 5000 characters."""
    output: OutputSpec | None = None
    """What the file should be; absent fields take their defaults: 8 s, 16:9, 720."""
    reference_asset_ids: list[bodies.Text] = pydantic.Field(default_factory=list[str])
    """Assets of kind REFERENCE used as starting images, at most 4."""
    model: bodies.Text | None = None
    """"provider" or "provider/model" to pin routing to; absent leaves it free."""
    labels: dict[bodies.Text, bodies.Text] = pydantic.Field(default_factory=dict[str, str])
    """At most 32 labels; keys of 1 to 63 characters, values of up to 255."""
    max_cost_micros: bodies.Int64 | None = None
    """Upper bound for the price, micro-dollars; 0 means no bound."""
    deadline_time: bodies.Moment | None = None
    """When it must have ended; must lie in the future."""
    fallback_floor: Delivery | None = None
    """The least that may be delivered, VIDEO, INFOGRAPHIC or TEXT; more is, where it can be had. Default TEXT."""
    seed: bodies.UInt32 | None = None
    """Seed for reproducible results."""
    priority: bodies.Int32 | None = None
    """0 to 10, default 5."""
    user_id: bodies.Text | None = None
    """The person within the tenant for whom this is made."""
    policy: bodies.Text | None = None
    """Name of the routing policy, such as "premium"; absent: that of the category, else the default."""
    category: bodies.Text | None = None
    """What the video is about, for the choice of a policy, such as "tech"."""
    negative_prompt: bodies.Text | None = None
    """What the video should not show, at most 2000 characters."""
    first_frame_asset_id: bodies.Text | None = None
    """Asset of kind REFERENCE that the video begins on."""
    last_frame_asset_id: bodies.Text | None = None
    """Asset of kind REFERENCE that the video ends on."""


class Repeat(bodies.Body):
    """Tells a call that is sent again from another one with the same content."""

    body_sha256: bodies.Text
    """SHA-256 of what the client asked for, 64 lower-case hex digits: the same each time that one call is sent."""
    count: bodies.Int32 = 0
    """How often the call was sent before, 0 to 1000."""


class CreateGenerationRequest(GenerationRequest):
    """What to make, and the key that makes repeating it safe."""

    request_id: bodies.Text | None = None
    """Idempotency key chosen by the caller, 1 to 128 of [A-Za-z0-9._~-]; the header Idempotency-Key says the same."""
    repeat: Repeat | None = None
    """For clients that repeat a call by themselves, without a request id, and count how often."""


class Generation(bodies.Body):
    """One request and its one deliverable."""

    id: str
    """UUID. Derived from the tenant and the request id, so that a repeated create names the same generation."""
    tenant_id: str
    """The organisation that owns it."""
    user_id: str
    """The person within the tenant; empty when the caller named none."""
    state: GenerationState | None
    """Where it stands."""
    prompt: str
    """What the video should show."""
    output: OutputSpec | None
    """What was asked of the file."""
    reference_asset_ids: list[str]
    """Assets of kind REFERENCE used as starting images."""
    model: str
    """Provider or "provider/model" that the request was pinned to; empty when routing is free."""
    labels: dict[str, str]
    """Labels of the caller."""
    max_cost_micros: bodies.Int64
    """Upper bound for the price of everything this generation buys, micro-dollars; 0 means no bound."""
    deadline_time: bodies.Moment | None
    """When the generation must have ended; null when it may take as long as it takes."""
    fallback_floor: Delivery | None
    """The least that may be delivered when no video can be made."""
    seed: bodies.UInt32 | None
    """Seed for reproducible results; null when the mesh chose one."""
    priority: bodies.Int32
    """0 (whenever) to 10 (first)."""
    create_time: bodies.Moment | None
    """When it was admitted."""
    update_time: bodies.Moment | None
    """When anything about it last changed."""
    start_time: bodies.Moment | None
    """When the first attempt was submitted."""
    complete_time: bodies.Moment | None
    """When it ended."""
    revision: bodies.Int64
    """Counts every change; strictly increasing."""
    progress_percent: bodies.Int32
    """0 to 100. Best effort while it runs, 100 when completed."""
    delivery: Delivery | None
    """What it ended with; null before."""
    renditions: list[parts.Rendition]
    """The files delivered: the video's renditions, highest first."""
    thumbnail_asset_id: str
    """Asset of the thumbnail (JPEG), when there is one."""
    poster_asset_id: str
    """Asset of the full-size poster frame (JPEG), when there is one."""
    findings: list[parts.Finding]
    """What the check of the result found."""
    held_micros: bodies.Int64
    """Micro-dollars set aside for attempts that may still cost them."""
    spent_micros: bodies.Int64
    """Micro-dollars that attempts have cost."""
    failure: parts.Failure | None
    """Why it failed, was rejected or expired."""
    queue_position: bodies.Int32
    """Place among the waiting generations, 1 is next; 0 when it no longer waits."""
    estimated_seconds: float | None
    """Estimated time until it ends, seconds; 0 when unknown."""
    shots: list[parts.Shot]
    """The continuous clips it is made of, in order."""
    run: bodies.Int32
    """1 at first, one more with each retry."""
    trace_id: str
    """W3C trace id (32 hex digits) under which everything about it is recorded."""
    text: str
    """The words in place of a video: all there is when `delivery` is TEXT, beside the picture when INFOGRAPHIC."""
    policy: str
    """Routing policy and its version by which it was routed, such as "premium@1"."""
    category: str
    """What the caller said that the video is about."""
    infographic: parts.Rendition | None
    """The still picture (PNG) drawn in place of a video; delivered when `delivery` is INFOGRAPHIC."""
    takes: list[parts.Take]
    """Videos that came too late to be delivered, or that another one replaced; promoting delivers one of them."""
    cancellation: parts.Cancellation | None
    """What a cancel has saved and what is paid all the same; null unless a cancel was asked for."""
    negative_prompt: str
    """What the video should not show; empty when nothing was said."""
    first_frame_asset_id: str
    """Asset that the video begins on; empty when none was given."""
    last_frame_asset_id: str
    """Asset that the video ends on; empty when none was given."""


class GenerationEvent(bodies.Body):
    """Something that happened to a generation. Kept in order, never changed."""

    id: str
    """UUID."""
    generation_id: str
    """The generation it happened to."""
    sequence: bodies.Int64
    """1, 2, 3 … within the generation."""
    type: str
    """What happened, e.g. "created", "attempt_accepted", "completed"."""
    create_time: bodies.Moment | None
    """When."""
    message: str
    """A sentence for people."""
    attributes: dict[str, str]
    """The moving parts: attempt, shot, provider, prices, states."""
    state: GenerationState | None
    """State of the generation afterwards."""


class Progress(bodies.Body):
    """How far a generation is, between two events."""

    progress_percent: bodies.Int32
    """0 to 100."""
    activity: str
    """What is being done, e.g. "rendering shot 1 of 2"."""


class ListGenerationsResponse(bodies.Body):
    """A page of generations."""

    generations: list[Generation]
    """Newest first unless asked otherwise; without shots."""
    next_page_token: str
    """For the next page; empty on the last."""


class ListGenerationEventsResponse(bodies.Body):
    """Events in order."""

    events: list[GenerationEvent]
    """Oldest first."""


class QuoteGenerationResponse(bodies.Body):
    """What it would cost."""

    shots: list[parts.Shot]
    """The shots as they would be planned, each with its route."""
    price_micros: bodies.Int64
    """Expected price with the first candidates, micro-dollars."""
    estimated_seconds: float | None
    """Estimated time until it ends, seconds."""


class ListGenerationsQuery(bodies.Query):
    """Says which generations and how many."""

    page_size: bodies.Int32 = 0
    """Most to return, 1 to 100; 0 means 20, more than 100 means 100."""
    page_token: str = ""
    """From an earlier response with the same filters; empty for the first page."""
    states: list[GenerationState] = pydantic.Field(default_factory=list[GenerationState])
    """Only those in one of these states; none means all. May be repeated."""
    labels: list[str] = pydantic.Field(default_factory=list[str])
    """Only those with all of these labels, each as "key=value". May be repeated."""
    user_id: str = ""
    """Only those of this user."""
    after_generation_id: str = ""
    """UUID of a generation of yours: the first page begins behind it. One that nobody knows ends the list."""
    oldest_first: bool = False
    """Oldest first instead of newest first."""


class ListGenerationEventsQuery(bodies.Query):
    """Says from where, and how many."""

    after_sequence: bodies.Int64 = 0
    """Events with a higher sequence are listed."""
    page_size: bodies.Int32 = 0
    """Most to return, 1 to 1000; 0 means 1000."""


class WatchGenerationQuery(bodies.Query):
    """Says from where; the header Last-Event-ID, which reconnecting clients send, wins."""

    after_sequence: bodies.Int64 = 0
    """Events with a higher sequence are sent; 0 sends all."""


def to_request(body: GenerationRequest) -> generation_service_pb2.GenerationRequest:
    """Return the message that a JSON request means."""
    request = generation_service_pb2.GenerationRequest()
    messages.fill(request, body.model_dump(exclude={"request_id", "repeat"}))
    return request


def to_create(body: CreateGenerationRequest, request_id: str) -> generation_service_pb2.CreateGenerationRequest:
    """Return the message that a create in JSON means, under a key that a header may have given."""
    asked = generation_service_pb2.CreateGenerationRequest(generation=to_request(body), request_id=request_id)
    if body.repeat is not None:
        asked.repeat.CopyFrom(generation_service_pb2.Repeat(**body.repeat.model_dump()))
    return asked
