"""What Veo on Vertex takes: the body of predictLongRunning, read and refused as the vendor does."""

from collections.abc import Mapping
from typing import Any, cast

from reelmesh_simulators import orders
from reelmesh_simulators.dialects import bodies, google

SECONDS = (4, 6, 8)
LONGEST_SECONDS = 8
# An extension is so long, whatever it goes on from; it alone is made anew and charged.
EXTENSION_SECONDS = 7
MOST_CLIPS = 4
MOST_REFERENCES = 3
# Micro-dollars for each second, by model and resolution: what is not here is not made.
PRICES: Mapping[str, Mapping[str, int]] = {
    "veo-3.1-generate-001": {"720p": 400_000, "1080p": 400_000, "4k": 600_000},
    "veo-3.1-fast-generate-001": {"720p": 100_000, "1080p": 120_000, "4k": 300_000},
    "veo-3.1-lite-generate-001": {"720p": 50_000, "1080p": 80_000},
}
KNOWN_FIELDS = ("instances", "parameters", "labels")


def order_of(model: str, location: str, fields: bodies.Fields) -> orders.Order:
    """Return what a body asks for.

    Raises:
        google.Refused: it is not as it should be.
    """
    instance, parameters = _instance(fields), google.mapping(fields, "parameters")
    resolution = google.chosen(parameters, "resolution", tuple(PRICES[model]), "720p")
    ratio = google.chosen(parameters, "aspectRatio", google.RATIOS, "16:9")
    _check_inputs(instance)
    seconds = _seconds(instance, parameters, resolution)
    _check_rest(parameters)
    width, height = google.size_of(resolution, ratio)
    storage_uri = google.text(parameters, "storageUri")
    if storage_uri and not google.is_bucket(storage_uri):
        raise google.Refused(f"Invalid storageUri '{storage_uri}': it must be a Cloud Storage URI, gs://bucket/prefix.")
    return orders.Order(
        google.text(instance, "prompt"),
        model,
        float(seconds),
        width,
        height,
        audio=google.chosen(parameters, "generateAudio", (True, False), True),
        seed=google.number(parameters, "seed", 0, google.LARGEST_SEED),
        told={
            "location": location,
            "storage_uri": storage_uri,
            "negative_prompt": google.text(parameters, "negativePrompt"),
            "inputs": sorted(name for name in ("image", "lastFrame", "video", "referenceImages") if name in instance),
        },
        clips=google.number(parameters, "sampleCount", 1, MOST_CLIPS) or 1,
        labels=google.labels_of(fields),
    )


def price_micros(order: orders.Order) -> int:
    """Return what all clips of an order cost, micro-dollars."""
    resolution = next(
        name for name, size in google.SIZES.items() if sorted(size) == sorted((order.width, order.height))
    )
    return round(PRICES[order.model][resolution] * order.seconds) * order.clips


def _instance(fields: bodies.Fields) -> bodies.Fields:
    instances = fields.get("instances")
    if not isinstance(instances, list) or len(cast(list[Any], instances)) != 1:
        raise google.Refused("Invalid 'instances': exactly one instance is expected.")
    instance = cast(list[Any], instances)[0]
    if not isinstance(instance, dict):
        raise google.Refused("Invalid 'instances[0]': expected an object.")
    return cast(bodies.Fields, instance)


def _seconds(instance: bodies.Fields, parameters: bodies.Fields, resolution: str) -> int:
    if "video" in instance:
        return google.chosen(parameters, "durationSeconds", (EXTENSION_SECONDS,), EXTENSION_SECONDS)
    seconds: int = google.chosen(parameters, "durationSeconds", SECONDS, LONGEST_SECONDS)
    if seconds != LONGEST_SECONDS and (resolution != "720p" or instance.get("referenceImages")):
        raise google.Refused(
            f"durationSeconds must be {LONGEST_SECONDS} for 1080p, for 4k and with reference images; got {seconds}."
        )
    return seconds


def _check_inputs(instance: bodies.Fields) -> None:
    references = _references(instance)
    if not google.text(instance, "prompt") and not ("image" in instance or "video" in instance):
        raise google.Refused("The prompt is required unless an image or a video is given.")
    for name, allowed in (("image", google.PICTURES), ("lastFrame", google.PICTURES), ("video", google.VIDEOS)):
        if name in instance:
            _check_media(google.mapping(instance, name), allowed, f"instances[0].{name}")
    if references and any(name in instance for name in ("image", "lastFrame", "video")):
        raise google.Refused("Reference images cannot be combined with image, lastFrame or video.")
    if "lastFrame" in instance and "image" not in instance:
        raise google.Refused("lastFrame needs an image as the first frame.")
    if "video" in instance and "image" in instance:
        raise google.Refused("Only one of image and video can be given.")


def _references(instance: bodies.Fields) -> list[Any]:
    references = instance.get("referenceImages", [])
    if not isinstance(references, list):
        raise google.Refused("Invalid value at 'instances[0].referenceImages': expected a list.")
    found = cast(list[Any], references)
    if len(found) > MOST_REFERENCES:
        raise google.Refused(f"At most {MOST_REFERENCES} reference images are supported, got {len(found)}.")
    for place, reference in enumerate(found):
        where = f"instances[0].referenceImages[{place}]"
        if not isinstance(reference, dict):
            raise google.Refused(f"Invalid value at '{where}': expected an object.")
        one = cast(bodies.Fields, reference)
        if str(one.get("referenceType", "")).lower() != "asset":
            raise google.Refused(f"Unsupported referenceType at '{where}': only asset is supported.")
        _check_media(google.mapping(one, "image"), google.PICTURES, f"{where}.image")
    return found


def _check_media(media: bodies.Fields, allowed: tuple[str, ...], where: str) -> None:
    data, uri = media.get("bytesBase64Encoded"), media.get("gcsUri")
    if (data is None) == (uri is None):
        raise google.Refused(f"Exactly one of bytesBase64Encoded and gcsUri is expected at '{where}'.")
    if data is not None:
        google.check_bytes(data, media.get("mimeType"), allowed, where)
        return
    google.check_type(media.get("mimeType"), allowed, where)
    if not str(uri).startswith("gs://"):
        raise google.Refused(f"Invalid gcsUri at '{where}': it must start with gs://.")


def _check_rest(parameters: bodies.Fields) -> None:
    """Look at what changes nothing about the clips that are made here."""
    google.chosen(parameters, "personGeneration", ("allow_adult", "dont_allow", "disallow"), None)
    google.chosen(parameters, "compressionQuality", ("optimized", "lossless"), None)
    google.chosen(parameters, "resizeMode", ("pad", "crop"), None)
    google.chosen(parameters, "enhancePrompt", (True, False), None)
    google.chosen(parameters, "fps", (24,), None)
    google.text(parameters, "pubsubTopic")
