"""Builds generation requests from plain Python values."""

import datetime
import pathlib
from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from reelmesh.v1 import generation_pb2, generation_service_pb2


class Options(TypedDict, total=False):
    """What a request may ask for beside its prompt. What is left out takes the mesh's default."""

    # Length, seconds, 1 to 60.
    duration_seconds: float
    # Width to height, e.g. "16:9".
    aspect_ratio: str
    # Short side, pixels: 480, 720 or 1080.
    resolution: int
    # Exact size, pixels, even; wins over aspect_ratio and resolution.
    width: int
    height: int
    # 24 or 30.
    frames_per_second: int
    # Whether it should have sound.
    audio: bool
    # Images to start from, as files or as bytes: they are uploaded first. At most 4 together with reference_asset_ids.
    images: Sequence[pathlib.Path | bytes]
    # Images that were uploaded before.
    reference_asset_ids: Sequence[str]
    # Images that the video begins and ends on, as files or as bytes: they are uploaded first.
    first_frame: pathlib.Path | bytes
    last_frame: pathlib.Path | bytes
    # The same, uploaded before.
    first_frame_asset_id: str
    last_frame_asset_id: str
    # What it should not show, at most 2000 characters.
    negative_prompt: str
    # "provider" or "provider/model".
    model: str
    # Labels, filterable when listing.
    labels: Mapping[str, str]
    # Upper bound for the price, micro-dollars.
    max_cost_micros: int
    # When it must have ended, timezone-aware.
    deadline_time: datetime.datetime
    # The least that may be delivered, e.g. `generation_pb2.DELIVERY_VIDEO`.
    fallback_floor: "generation_pb2.Delivery"
    # Seed for reproducible results.
    seed: int
    # 0 (whenever) to 10 (first).
    priority: int
    # The person within the tenant for whom it is made.
    user_id: str
    # Name of the routing policy, such as "premium".
    policy: str
    # What the video is about, for the choice of a policy.
    category: str


_OUTPUT = ("duration_seconds", "aspect_ratio", "resolution", "width", "height", "frames_per_second", "audio")
FRAMES: Sequence[Literal["first_frame", "last_frame"]] = ("first_frame", "last_frame")
_PLAIN = (
    *("model", "max_cost_micros", "fallback_floor", "seed", "priority", "user_id", "policy", "category"),
    *("negative_prompt", "first_frame_asset_id", "last_frame_asset_id"),
)


def build(
    prompt: str, options: Options, uploaded: Sequence[str] = (), frames: Mapping[str, str] | None = None
) -> generation_service_pb2.GenerationRequest:
    """Return the request for a prompt and its options.

    `uploaded` are the asset ids of the option `images`, `frames` those of `first_frame` and `last_frame`, by name.
    """
    request = generation_service_pb2.GenerationRequest(prompt=prompt)
    values = dict(options)
    for name in _OUTPUT:
        if name in values:
            setattr(request.output, name, values[name])
    for name in _PLAIN:
        if name in values:
            setattr(request, name, values[name])
    for name, asset_id in (frames or {}).items():
        setattr(request, f"{name}_asset_id", asset_id)
    request.reference_asset_ids.extend([*options.get("reference_asset_ids", ()), *uploaded])
    request.labels.update(options.get("labels", {}))
    if "deadline_time" in options:
        request.deadline_time.FromDatetime(options["deadline_time"])
    return request
