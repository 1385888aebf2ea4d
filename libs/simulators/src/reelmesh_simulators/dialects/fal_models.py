"""Models on fal.ai: what their apps take, as their pages state it, and what a second costs.

Each is an app of its own, which reads its input only once a runner has it: whatever is wrong is found there, and fields
that it does not know are passed over.
"""

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelmesh_simulators.dialects import bodies
from reelmesh_simulators.dialects.shapes import Choice, Flag, Kind, Number, Rule, Shape, Text, Whole

LONGEST_PROMPT = 20_000
LARGEST_SEED = 2**32 - 1
AUTO = "auto"
AUTO_SECONDS = 5
HD_PIXELS = 1280 * 720


@dataclass(frozen=True, slots=True)
class Address:
    """An address that the app fetches a file from: HTTP, or the file itself as data."""

    required: bool = False

    def wrong(self, value: Any) -> tuple[Kind, tuple[Any, ...]] | None:
        """See Rule."""
        if not isinstance(value, str):
            return Kind.TYPE, ("string",)
        parts = urllib.parse.urlsplit(value)
        right = bodies.file_of(value) if parts.scheme == "data" else parts.scheme in ("http", "https") and parts.netloc
        return None if right else (Kind.ADDRESS, ())


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-dollars for a second of 720p: `audible` with sound.

    Attributes:
        by_pixels: as much dearer as the picture is larger, as where tokens are counted.
        large: what 4k costs instead, silent and audible.
    """

    silent: int
    audible: int
    by_pixels: bool = False
    large: tuple[int, int] | None = None

    def micros(self, seconds: float, width: int, height: int, *, audio: bool) -> int:
        """Return the price of a clip."""
        silent, audible = self.large if self.large and min(width, height) >= 2160 else (self.silent, self.audible)
        each = audible if audio else silent
        return round(seconds * each * (width * height / HD_PIXELS if self.by_pixels else 1))


@dataclass(frozen=True, slots=True)
class Model:
    """An app: its input, its price, what it takes for granted."""

    shape: Shape
    price: Price
    seconds: str
    resolution: str = "720p"
    audio: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """What comes of an input that is right."""

    seconds: float
    width: int
    height: int
    audio: bool
    price_micros: int


def made_of(model: Model, fields: Mapping[str, Any]) -> Made:
    """Return what an app makes of an input in which nothing is wrong."""
    told = str(fields.get("duration") or model.seconds).removesuffix("s")
    seconds = float(AUTO_SECONDS if told == AUTO else told)
    ratio = str(fields.get("aspect_ratio") or "16:9")
    wide, high = ("16", "9") if ratio == AUTO else ratio.split(":")
    lines = bodies.LINES[str(fields.get("resolution") or model.resolution)]
    width, height = bodies.sized(int(wide), int(high), lines)
    chosen = fields.get("generate_audio")
    audio = model.audio if chosen is None else bool(chosen)
    return Made(seconds, width, height, audio, model.price.micros(seconds, width, height, audio=audio))


_PROMPT: Mapping[str, Rule] = {"prompt": Text(LONGEST_PROMPT, required=True)}
_NEGATIVE: Mapping[str, Rule] = {"negative_prompt": Text(LONGEST_PROMPT)}
_AUDIO: Mapping[str, Rule] = {"generate_audio": Flag()}
_SEED: Mapping[str, Rule] = {"seed": Whole(0, LARGEST_SEED)}


def _image(*required: str, optional: tuple[str, ...] = ()) -> Mapping[str, Rule]:
    return {name: Address(required=True) for name in required} | {name: Address() for name in optional}


def _shape(*parts: Mapping[str, Rule]) -> Shape:
    whole: dict[str, Rule] = {}
    for part in parts:
        whole |= part
    return whole


def _veo(price: Price, images: Mapping[str, Rule], *ratios: str) -> Model:
    own: Mapping[str, Rule] = {
        "aspect_ratio": Choice((*ratios, "16:9", "9:16")),
        "duration": Choice(("4s", "6s", "8s")),
        "resolution": Choice(("720p", "1080p", "4k")),
        "auto_fix": Flag(),
    }
    return Model(_shape(_PROMPT, _NEGATIVE, images, own, _AUDIO, _SEED), price, "8s")


def _kling(price: Price, images: Mapping[str, Rule]) -> Model:
    own: Mapping[str, Rule] = {
        "duration": Choice(tuple(str(seconds) for seconds in range(3, 16))),
        "aspect_ratio": Choice(("16:9", "9:16", "1:1")),
        "cfg_scale": Number(0, 1),
    }
    return Model(_shape(_PROMPT, _NEGATIVE, images, own, _AUDIO), price, "5", resolution="1080p")


def _seedance(price: Price, longest: int, images: Mapping[str, Rule]) -> Model:
    own: Mapping[str, Rule] = {
        "duration": Choice((AUTO, *(str(seconds) for seconds in range(4, longest + 1)))),
        "aspect_ratio": Choice((AUTO, "21:9", "16:9", "4:3", "1:1", "3:4", "9:16")),
        "resolution": Choice(("480p", "720p", "1080p")),
    }
    return Model(_shape(_PROMPT, images, own, _AUDIO, _SEED), price, AUTO)


_VEO, _VEO_FAST = Price(200_000, 400_000, large=(400_000, 600_000)), Price(100_000, 150_000, large=(300_000, 350_000))
_KLING3 = {"pro": Price(112_000, 168_000), "standard": Price(84_000, 126_000)}
_KLING_O3 = {"pro": Price(112_000, 140_000), "standard": Price(84_000, 112_000)}
_SEEDANCE_20, _SEEDANCE_25 = Price(303_400, 303_400, by_pixels=True), Price(473_000, 473_000, by_pixels=True)
_ONE, _ENDS = _image("image_url"), _image("first_frame_url", "last_frame_url")
_ONE_OR_BOTH = _image("image_url", optional=("end_image_url",))
_START = _image("start_image_url", optional=("end_image_url",))

MODELS: Mapping[str, Model] = {
    "fal-ai/veo3.1": _veo(_VEO, {}),
    "fal-ai/veo3.1/image-to-video": _veo(_VEO, _ONE, AUTO),
    "fal-ai/veo3.1/first-last-frame-to-video": _veo(_VEO, _ENDS, AUTO),
    "fal-ai/veo3.1/fast": _veo(_VEO_FAST, {}),
    "fal-ai/veo3.1/fast/image-to-video": _veo(_VEO_FAST, _ONE, AUTO),
    "fal-ai/veo3.1/fast/first-last-frame-to-video": _veo(_VEO_FAST, _ENDS, AUTO),
    **{f"fal-ai/kling-video/v3/{grade}/text-to-video": _kling(price, {}) for grade, price in _KLING3.items()},
    **{f"fal-ai/kling-video/v3/{grade}/image-to-video": _kling(price, _START) for grade, price in _KLING3.items()},
    **{f"fal-ai/kling-video/o3/{grade}/text-to-video": _kling(price, {}) for grade, price in _KLING_O3.items()},
    **{
        f"fal-ai/kling-video/o3/{grade}/image-to-video": _kling(price, _ONE_OR_BOTH)
        for grade, price in _KLING_O3.items()
    },
    "bytedance/seedance-2.0/text-to-video": _seedance(_SEEDANCE_20, 15, {}),
    "bytedance/seedance-2.0/image-to-video": _seedance(_SEEDANCE_20, 15, _ONE_OR_BOTH),
    "bytedance/seedance-2.5/text-to-video": _seedance(_SEEDANCE_25, 30, {}),
    "bytedance/seedance-2.5/image-to-video": _seedance(_SEEDANCE_25, 30, _ONE_OR_BOTH),
}
