"""What Gemini Omni takes: the body that creates an interaction, read and refused as the vendor does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from reelmesh_simulators import orders
from reelmesh_simulators.dialects import bodies, google

LEAST_SECONDS, MOST_SECONDS = 3.0, 15.0
# Which length is made where none is asked for is not published: whoever cares says it.
DEFAULT_SECONDS = "5s"
MOST_IMAGES = 6
TASKS = ("text_to_video", "image_to_video", "reference_to_video", "edit", "extend", "upscale")
# Micro-dollars for each second, by model and resolution. Those of 1.2 are derived from what resellers say.
PRICES: Mapping[str, Mapping[str, int]] = {
    "gemini-omni-1.1-flash": {"360p": 33_000, "720p": 100_000, "1080p": 150_000, "4k": 300_000},
    "gemini-omni-1.2-flash": {"360p": 23_000, "720p": 70_000, "1080p": 105_000, "4k": 210_000},
}
KNOWN_FIELDS = (
    "model",
    "input",
    "background",
    "store",
    "stream",
    "labels",
    "response_format",
    "generation_config",
    "previous_interaction_id",
    "webhook_config",
    "service_tier",
    "safety_settings",
    "system_instruction",
    "response_modalities",
)
_SECONDS = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)s")
_NEED_PICTURE = ("image_to_video", "reference_to_video")
_NEED_VIDEO = ("edit", "extend", "upscale")


@dataclass(frozen=True, slots=True)
class Input:
    """What a clip is made of: all text, and how many pictures and clips came with it."""

    text: str
    images: int
    videos: int


def order_of(model: str, fields: bodies.Fields, *, vertex: bool = False) -> orders.Order:
    """Return what a body asks for. What it goes on from is the caller's to look up.

    Args:
        model: the one that it names.
        fields: the body.
        vertex: it came by Vertex AI, where clips do not lie in files but in buckets.

    Raises:
        google.Refused: it is not as it should be.
    """
    told = _input(fields.get("input"))
    form = _form(fields)
    background = google.chosen(fields, "background", (True, False), False)
    store = google.chosen(fields, "store", (True, False), True)
    if background and not store:
        raise google.Refused("background requires store to be true.")
    if google.chosen(fields, "stream", (True, False), False):
        raise google.Refused("Streaming is not supported here.")
    config = google.mapping(fields, "generation_config")
    _check_task(google.mapping(config, "video_config"), told, google.text(fields, "previous_interaction_id"))
    resolution = google.chosen(form, "resolution", tuple(PRICES[model]), "720p")
    width, height = google.size_of(resolution, google.chosen(form, "aspect_ratio", google.RATIOS, "16:9"))
    delivery = google.chosen(form, "delivery", ("inline", "uri"), "inline")
    uris, metadata = _webhook(google.mapping(fields, "webhook_config"))
    return orders.Order(
        told.text,
        model,
        _seconds(form),
        width,
        height,
        seed=google.number(config, "seed", -(2**31), 2**31 - 1),
        told={
            "background": background,
            "store": store,
            "delivery": delivery,
            "vertex": vertex,
            "storage_uri": _bucket(form, delivery, vertex),
            "previous_interaction_id": google.text(fields, "previous_interaction_id"),
            "also": uris[1:],
            "user_metadata": metadata,
        },
        webhook_url=uris[0] if uris else "",
        labels=google.labels_of(fields),
    )


def micros_per_second(order: orders.Order) -> int:
    """Return what a second of an order costs, micro-dollars."""
    resolution = next(
        name for name, size in google.SIZES.items() if sorted(size) == sorted((order.width, order.height))
    )
    return PRICES[order.model][resolution]


def _form(fields: bodies.Fields) -> bodies.Fields:
    form = fields.get("response_format")
    if isinstance(form, list) and len(cast(list[Any], form)) == 1:
        form = cast(list[Any], form)[0]
    if form is None:
        return {}
    if not isinstance(form, dict) or cast(bodies.Fields, form).get("type") != "video":
        raise google.Refused("This model makes videos: 'response_format' must be an object of type 'video'.")
    return cast(bodies.Fields, form)


def _bucket(form: bodies.Fields, delivery: str, vertex: bool) -> str:
    """Return where a clip is to be put: `gs://…`, empty for nowhere."""
    uri = google.text(form, "gcs_uri")
    if not vertex:
        if uri:
            raise google.Refused("The parameter 'gcs_uri' at 'response_format' is not supported by this API.")
        return ""
    if delivery == "uri" and not google.is_bucket(uri):
        raise google.Refused(
            f"Delivery by uri needs a 'gcs_uri' at 'response_format', gs://bucket/prefix; got '{uri}'."
        )
    return uri if delivery == "uri" else ""


def _seconds(form: bodies.Fields) -> float:
    duration = google.text(form, "duration") or DEFAULT_SECONDS
    match = _SECONDS.fullmatch(duration)
    if match is None or not LEAST_SECONDS <= float(match[1]) <= MOST_SECONDS:
        raise google.Refused(
            f"The value '{duration}' is not supported for 'duration' at 'response_format': "
            f"expected {LEAST_SECONDS:g}s to {MOST_SECONDS:g}s."
        )
    return float(match[1])


def _input(value: Any) -> Input:
    """Return what stands in the input: a text, a piece of content, a list of those, or a list of steps."""
    pieces: list[tuple[str, Any]] = []
    for place, one in enumerate(google.list_of(value)):
        where, step = f"input[{place}]", google.object_of(one)
        if step.get("type") != "user_input":
            pieces.append((where, one))
            continue
        for number, piece in enumerate(google.list_of(step.get("content"))):
            pieces.append((f"{where}.content[{number}]", piece))
    texts, kinds = list[str](), list[str]()
    for where, piece in pieces:
        kind, text = _piece(piece, where)
        kinds.append(kind)
        texts += [text] if text else []
    if not texts and "image" not in kinds and "video" not in kinds:
        raise google.Refused("The 'input' is required.")
    if kinds.count("image") > MOST_IMAGES:
        raise google.Refused(f"At most {MOST_IMAGES} images are supported, got {kinds.count('image')}.")
    return Input("\n".join(texts), kinds.count("image"), kinds.count("video"))


def _piece(piece: Any, where: str) -> tuple[str, str]:
    """Return the kind of a piece of content and its text."""
    if piece is None:
        return "text", ""
    if isinstance(piece, str):
        return "text", piece
    if not isinstance(piece, dict):
        raise google.Refused(f"Invalid value at '{where}': expected an object.")
    content = cast(bodies.Fields, piece)
    kind = content.get("type")
    if kind == "text":
        return "text", google.text(content, "text")
    if kind not in ("image", "video"):
        raise google.Refused(f"The value '{kind}' is not supported for 'type' at '{where}'.")
    allowed = google.PICTURES if kind == "image" else google.VIDEOS
    data, uri = content.get("data"), content.get("uri")
    if (data is None) == (uri is None):
        raise google.Refused(f"Exactly one of data and uri is expected at '{where}'.")
    if data is not None:
        google.check_bytes(data, content.get("mime_type"), allowed, where)
    return str(kind), ""


def _check_task(config: bodies.Fields, told: Input, previous: str) -> None:
    task = google.chosen(config, "task", TASKS, None)
    if task in _NEED_PICTURE and not told.images:
        raise google.Refused(f"The task '{task}' needs an image in the input.")
    if task in _NEED_VIDEO and not (told.videos or previous):
        raise google.Refused(f"The task '{task}' needs a video in the input or a previous_interaction_id.")


def _webhook(config: bodies.Fields) -> tuple[list[str], bodies.Fields]:
    uris = config.get("uris", [])
    if not isinstance(uris, list):
        raise google.Refused("Invalid value at 'webhook_config.uris': expected a list.")
    for uri in cast(list[Any], uris):
        if not str(uri).startswith(("http://", "https://")):
            raise google.Refused(f"Invalid value at 'webhook_config.uris': '{uri}' is no web address.")
    return cast(list[str], uris), google.mapping(config, "user_metadata")
