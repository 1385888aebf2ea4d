"""Runway's Model Router: which model a request that names none goes to, by what each can do and costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelmesh_simulators import orders
from reelmesh_simulators.dialects import runway_models
from reelmesh_simulators.dialects.runway_media import Media, size_of
from reelmesh_simulators.dialects.shapes import Choice, Flag, Rule, Shape, Text, Whatever, Whole, problems, records

LONGEST_SLUG = 200
DEFAULT_ASPECT = "16:9"
DEFAULT_RESOLUTION = "720p"
_ASPECTS = (DEFAULT_ASPECT, "9:16", "1:1", "4:3", "3:4", "21:9")
# How far the sides of a size may be from what was asked for, so that 1112:834 is 4:3.
_TOLERANCE = 0.03
_PIXELS = {"480p": (0, 600_000), "720p": (600_000, 1_300_000), "1080p": (1_300_000, 2_600_000), "4k": (2_600_000, 1e9)}

INPUT: Mapping[str, Rule] = {
    "promptText": Text(15_000),
    "duration": Whole(1, 60),
    "aspectRatio": Choice(_ASPECTS),
    "resolution": Choice(tuple(_PIXELS)),
    "audio": Flag(),
    "referenceImages": Media(),
    "referenceVideos": Media(),
    "referenceAudio": Media(),
    "keyframes": Whatever(),
    "contentModeration": Whatever(),
    "seed": Whole(0, runway_models.LARGEST_SEED),
    "negativePrompt": Text(1000),
}
BODY: Shape = {"configId": Text(LONGEST_SLUG, required=True), "input": Whatever(required=True)}


@dataclass(frozen=True, slots=True)
class Choosing:
    """What the router found.

    Attributes:
        name: the model that was chosen; None where none could do it.
        fields: the body for it.
        made: what comes of that.
        eligible: every model that could.
    """

    name: str | None
    fields: Mapping[str, Any]
    made: runway_models.Made | None
    eligible: tuple[str, ...]


def choose(given: Mapping[str, Any]) -> Choosing:
    """Return the cheapest model that can do what is asked, the first of the table among equals."""
    able: list[tuple[int, str, Mapping[str, Any], runway_models.Made]] = []
    for name, model in runway_models.MODELS.items():
        fields = _fields(name, model, given)
        if fields is not None:
            made = runway_models.made_of(model, fields)
            able.append((made.estimate_credits, name, fields, made))
    if not able:
        return Choosing(None, {}, None, ())
    _, name, fields, made = min(able, key=lambda one: one[0])
    return Choosing(name, fields, made, tuple(one[1] for one in able))


def _fields(name: str, model: runway_models.Model, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the body for a model; None where it cannot do what is asked."""
    images = records(given.get("referenceImages")) or ()
    shape = model.image if images else model.text
    frames = all(image.get("role") in ("first", "last") for image in images)
    if shape is None or not frames or given.get("referenceVideos") or given.get("keyframes"):
        return None
    if not _hearing(model, shape, given.get("audio")):
        return None
    fields: dict[str, Any] = {"model": name, "duration": given.get("duration", runway_models.DEFAULT_SECONDS)}
    fields |= {key: given[key] for key in ("promptText", "audio", "seed", "negativePrompt") if key in given}
    if images:
        fields["promptImage"] = [{"position": image.get("role"), "uri": image.get("uri")} for image in images]
    size = _size(shape, given)
    if size is None:
        return None
    # What a model has no word for is left out, as the router maps options to models.
    fields = {key: value for key, value in {**fields, **size}.items() if key in shape}
    return fields if not problems(fields, shape) else None


def _hearing(model: runway_models.Model, shape: Shape, audio: Any) -> bool:
    if audio is None:
        return True
    return model.sound if audio else (not model.sound or "audio" in shape)


def _size(shape: Shape, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return how a model is asked for a size; None where it has not that one."""
    aspect = given.get("aspectRatio", DEFAULT_ASPECT)
    wanted = {"aspect": aspect, "resolution": given.get("resolution", DEFAULT_RESOLUTION)}
    ratios, lines = _values(shape, "ratio"), _values(shape, "resolution")
    for ratio in ratios or (None,):
        for resolution in lines or (None,):
            fields = {key: value for key, value in (("ratio", ratio), ("resolution", resolution)) if value}
            if _fits(*size_of(fields), **wanted):
                return fields
    return None


def _values(shape: Shape, name: str) -> Sequence[str]:
    rule = shape.get(name)
    return [value for value in rule.values if not value.startswith("auto")] if isinstance(rule, Choice) else ()


def _fits(width: int, height: int, *, aspect: str, resolution: str) -> bool:
    wide, high = (int(side) for side in aspect.split(":"))
    low, most = _PIXELS[resolution]
    return low <= width * height < most and abs(width * high / (height * wide) - 1) < _TOLERANCE


def routing_of(slug: str, given: Mapping[str, Any], name: str, made: runway_models.Made) -> dict[str, Any]:
    """Return what the caller is told of the choice."""
    return {
        "configId": slug,
        "model": name,
        "provider": runway_models.MODELS[name].provider,
        "estimatedCost": {"credits": made.estimate_credits},
        "resolvedInput": {
            "duration": made.seconds,
            "ratio": f"{made.width}:{made.height}",
            "resolution": given.get("resolution", DEFAULT_RESOLUTION),
        },
        "resolvedSettings": {"optimizeFor": "cost", "priceCeiling": None},
    }


def router_of(job: orders.Job) -> str | None:
    """Return the slug of the router that a job came by; None where it named its model."""
    decision = job.order.told.get("decision")
    return decision["router"] if decision else None


def routed(job: orders.Job, created: str) -> dict[str, Any]:
    """Return what the router remembers of a request that it routed: nothing of the request itself."""
    told, model = job.order.told["decision"], job.order.model
    return {
        "id": told["id"],
        "createdAt": created,
        "requestId": told["requestId"],
        "status": "routed",
        "taskId": job.job_id,
        "model": model,
        "provider": runway_models.MODELS[model].provider,
        "estimatedCredits": job.order.told["estimate"],
        "reason": "The cheapest of the models that can do it.",
        "reasonCode": "lowest_cost" if len(told["eligible"]) > 1 else "only_eligible_model",
        "emptiedBy": [],
        "pipeline": [
            {"type": "filter", "filter": "capability", "models": told["eligible"]},
            {"type": "rank", "outcome": "cost" if len(told["eligible"]) > 1 else "single_candidate"},
        ],
    }


def unrouted(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the router remembers of a request that no model could do."""
    return {
        "id": told["id"],
        "createdAt": told["createdAt"],
        "requestId": told["requestId"],
        "status": "no_eligible_model",
        "emptiedBy": ["capability"],
        "pipeline": [{"type": "filter", "filter": "capability", "models": []}],
        **dict.fromkeys(("taskId", "model", "provider", "estimatedCredits", "reason", "reasonCode")),
    }
