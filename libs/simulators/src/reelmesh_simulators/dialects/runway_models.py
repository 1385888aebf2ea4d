"""What Runway's models take and cost, as the types of its SDK (5.24.0) and its price list have it.

What the SDK leaves open is set here: the longest duration where it only says that it is a number (15), and the price of
models whose price was not found (KLING_CREDITS and the like say so). A field that a model does not have is refused,
which may be stricter than the original.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reelmesh_simulators.dialects.runway_media import Frames, Media, size_of
from reelmesh_simulators.dialects.runway_prices import Credits, flat
from reelmesh_simulators.dialects.shapes import (
    Choice,
    Flag,
    Number,
    Rule,
    Shape,
    Text,
    Whatever,
    Whole,
    records,
)

LARGEST_SEED = 4_294_967_295
LONGEST_SECONDS = 15
DEFAULT_SECONDS = 5
AUTO = "auto"

_WIDE = ("1280:720", "720:1280")
_GEN4 = (*_WIDE, "1104:832", "960:960", "832:1104", "1584:672")
_VEO = (*_WIDE, "1080:1920", "1920:1080")
_KLING = {
    "standard": (*_WIDE, "960:960"),
    "pro": ("1920:1080", "1080:1920", "1440:1440"),
    "4k": ("3840:2160", "2160:3840", "2880:2880"),
}
_SEEDANCE = (
    *("992:432", "864:496", "752:560", "640:640", "560:752", "496:864"),
    *("1470:630", "1280:720", "1112:834", "960:960", "834:1112", "720:1280"),
)
_SEEDANCE_LARGE = (
    *("2206:946", "1920:1080", "1664:1248", "1440:1440", "1248:1664", "1080:1920"),
    *("3840:1646", "3840:2160", "3840:2880", "3840:3840", "2880:3840", "2160:3840"),
)
_SEEDANCE_25 = (
    *("992:432", "854:480", "752:560", "640:640", "560:752", "480:854"),
    *("1470:630", "1280:720", "1112:834", "960:960", "834:1112", "720:1280"),
    *("2206:946", "1920:1080", "1664:1248", "1440:1440", "1248:1664", "1080:1920"),
)
_ADAPTIVE = ("auto_480p", "auto_720p", "auto_1080p")
_WAN = (
    *("832:480", "720:544", "624:624", "544:720", "480:832"),
    *("1280:720", "1104:832", "960:960", "832:1104", "720:1280"),
    *("1920:1080", "1648:1248", "1440:1440", "1248:1648", "1080:1920"),
    *_ADAPTIVE,
)
_OMNI = (*("640:360", "360:640"), *_WIDE, *("1920:1080", "1080:1920", "3840:2160", "2160:3840"))
_GROK_LITE = (
    *("848:480", "480:848", "480:480", "640:480", "480:640", "720:480", "480:720"),
    *("1280:720", "720:1280", "720:720", "960:720", "720:960", "1088:720", "720:1088"),
    *("1904:1072", "1072:1904", "1424:1424", "1648:1232", "1232:1648", "1744:1152", "1152:1744"),
)
_KLING_4 = (
    *_WIDE,
    *("940:940", "1460:624", "1920:1080", "1080:1920", "1440:1440", "2200:940", "auto_720p", "auto_1080p"),
)
_HAPPYHORSE = (
    *(*_WIDE, "960:960", "1108:832", "832:1108"),
    *("1920:1080", "1080:1920", "1440:1440", "1662:1248", "1248:1662"),
)


@dataclass(frozen=True, slots=True)
class Model:
    """A model.

    Attributes:
        text, image: the bodies of text_to_video and image_to_video; None where it has not that.
        credits: its price.
        sound: makes sound, also where it cannot be asked not to.
        provider: who made it.
        most_seconds: what `auto` is reckoned with until the length is known.
    """

    text: Shape | None
    image: Shape | None
    credits: Credits
    sound: bool = False
    provider: str = "runway"
    most_seconds: int = LONGEST_SECONDS


_SEED: Mapping[str, Rule] = {"seed": Whole(0, LARGEST_SEED)}
_AUDIO: Mapping[str, Rule] = {"audio": Flag()}
_NEGATIVE: Mapping[str, Rule] = {"negativePrompt": Text(1000)}
_MODERATION: Mapping[str, Rule] = {"contentModeration": Whatever()}
_FORMATS: Mapping[str, Rule] = {
    "outputFormat": Choice(("mp4", "prores", "png_sequence", "hdr10", "hlg", "sdr_rec709_10bit", "hdr_pq_12")),
    "proresProfile": Choice(("422", "4444", "422 Proxy", "422 LT", "422 HQ", "4444 XQ")),
}
_SHOTS: Mapping[str, Rule] = {"providerSettings": Whatever()}
_REFERENCES: Mapping[str, Rule] = {"references": Media(), "referenceVideos": Media(), "referenceAudio": Media()}
_HEARD: Mapping[str, Rule] = {"referenceAudio": Media()}
_FIRST, _ENDS = ("first",), ("first", "last")
_ANY: Mapping[str, Rule] = {"duration": Whole(1, LONGEST_SECONDS)}


def _prompt(longest: int = 2500, *, required: bool = True) -> Mapping[str, Rule]:
    return {"promptText": Text(longest, required)}


def _ratio(values: tuple[str, ...], *, required: bool = False) -> Mapping[str, Rule]:
    return {"ratio": Choice(values, required)}


def _frames(positions: tuple[str, ...]) -> Mapping[str, Rule]:
    return {"promptImage": Frames(positions)}


def _duration(low: int, high: int, *, required: bool = False, words: tuple[str, ...] = ()) -> Mapping[str, Rule]:
    return {"duration": Whole(low, high, required, words)}


def _shape(*parts: Mapping[str, Rule]) -> Shape:
    whole: dict[str, Rule] = {"model": Text(100, required=True)}
    for part in parts:
        whole |= part
    return whole


def _gen45() -> Model:
    common = (_prompt(1000), _duration(2, 10, required=True), _SEED, _MODERATION, _FORMATS)
    return Model(
        _shape(*common, _ratio(_WIDE, required=True)),
        _shape(*common, _ratio(_GEN4, required=True), _frames(_FIRST)),
        flat(12),
    )


def _gen4_turbo() -> Model:
    common = (_prompt(1000, required=False), _duration(2, 10), _SEED, _MODERATION)
    return Model(None, _shape(*common, _ratio(_GEN4, required=True), _frames(_FIRST)), flat(5))


def _veo(silent: Credits, audible: Credits) -> Model:
    common = (_ratio(_VEO, required=True), {"duration": Choice((4, 6, 8))}, _AUDIO, _NEGATIVE, _SEED)
    return Model(
        _shape(_prompt(1000), *common),
        _shape(_prompt(1000, required=False), *common, _frames(_ENDS)),
        Credits(silent.silent, audible.silent),
        sound=True,
        provider="google",
    )


# Not found in what Runway publishes without a login.
KLING_CREDITS = {"standard": flat(9), "pro": flat(12), "4k": flat(25)}


def _kling3(grade: str, *, omni: bool) -> Model:
    own: Mapping[str, Rule] = {"references": Media()} if omni else {"cfgScale": Number(0, 1)}
    text: Mapping[str, Rule] = {} if omni else own
    common = (_prompt(required=False), _duration(3, 15), _AUDIO, _SHOTS)
    return Model(
        _shape(*common, text, _ratio(_KLING[grade], required=True)),
        _shape(*common, own, _ratio(_KLING[grade]), _frames(_ENDS)),
        KLING_CREDITS[grade],
        sound=True,
        provider="kling",
    )


def _kling25() -> Model:
    common = (_prompt(), {"duration": Choice((5, 10)), "cfgScale": Number(0, 1)})
    ratios = ("1920:1080", "1440:1440", "1080:1920", "1280:720", "720:720", "720:1280")
    return Model(
        _shape(*common, _ratio(ratios)), _shape(*common, _frames(_ENDS)), KLING_CREDITS["standard"], provider="kling"
    )


def _kling4() -> Model:
    common = (_prompt(required=False), _duration(3, 15), {"references": Media(), "referenceVideos": Media()})
    adaptive = ("auto_720p", "auto_1080p")
    return Model(
        _shape(*common, _ratio(_KLING_4)),
        _shape(*common, _ratio(adaptive), _frames(_ENDS)),
        KLING_CREDITS["pro"],
        sound=True,
        provider="kling",
    )


def _seedance(ratios: tuple[str, ...], price: Credits) -> Model:
    common = (_ratio(ratios), _duration(4, 15, words=(AUTO,)), _AUDIO, _SEED)
    return Model(
        _shape(_prompt(3500), *common, _REFERENCES),
        _shape(_prompt(3500, required=False), *common, _frames(_ENDS), _HEARD),
        price,
        sound=True,
        provider="bytedance",
    )


def _seedance25() -> Model:
    common = (
        _prompt(15_000, required=False),
        _ratio(_SEEDANCE_25),
        _duration(4, 30, words=(AUTO,)),
        _AUDIO,
        _SEED,
        {"draft": Flag(), "outputFormat": Choice(("mp4", "mov"))},
    )
    return Model(
        _shape(*common, _REFERENCES, {"draftTaskId": Text(100)}),
        _shape(*common, _frames(_ENDS), _HEARD),
        Credits((20, 30, 68, 68)),
        sound=True,
        provider="bytedance",
        most_seconds=30,
    )


def _wan(price: Credits) -> Model:
    common = (_prompt(), _ratio(_WAN), _ANY, _AUDIO)
    heard: Mapping[str, Rule] = {"referenceAudio": Media(), "referenceVideos": Media()}
    return Model(
        _shape(*common, _REFERENCES),
        _shape(*common, _frames(_ENDS), heard),
        price,
        sound=True,
        provider="alibaba",
    )


def _hailuo3() -> Model:
    sizes: Mapping[str, Rule] = {
        "ratio": Choice(("adaptive", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16")),
        "resolution": Choice(("768p", "2k", "768P", "2K")),
    }
    return Model(
        _shape(_prompt(), sizes, _ANY, _REFERENCES),
        _shape(_prompt(), sizes, _ANY, _frames(_ENDS), _HEARD),
        Credits((10, 10, 10, 15)),
        sound=True,
        provider="minimax",
    )


def _h3_max() -> Model:
    common = (
        _prompt(),
        _ANY,
        _SEED,
        {
            "promptExpansionMode": Choice(("disabled", "balanced", "quality")),
            "resolution": Choice(("480p", "768p")),
        },
    )
    return Model(
        _shape(*common), _shape(*common, _frames(_ENDS)), Credits((5, 8, 8, 8)), sound=True, provider="minimax"
    )


def _omni() -> Model:
    common = (_duration(3, 10), _ratio(_WIDE))
    return Model(
        _shape(_prompt(), *common),
        _shape(_prompt(required=False), *common, _frames(_FIRST)),
        flat(10),
        sound=True,
        provider="google",
    )


def _omni11() -> Model:
    common = (_prompt(), _duration(3, 10, words=(AUTO,)), _ratio(_OMNI))
    references: Mapping[str, Rule] = {"references": Media(), "referenceVideos": Media()}
    return Model(
        _shape(*common, references),
        _shape(*common, _frames(_ENDS)),
        flat(10),
        sound=True,
        provider="google",
        most_seconds=10,
    )


def _grok() -> Model:
    resolution: Mapping[str, Rule] = {"resolution": Choice(("480p", "720p", "1080p"))}
    ratios = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
    return Model(
        _shape(_prompt(), _ANY, resolution, _ratio(ratios), {"references": Media()}, _HEARD),
        _shape(_prompt(required=False), _ANY, resolution, _frames(_FIRST)),
        Credits((10, 16, 29, 29)),
        sound=True,
        provider="xai",
    )


def _grok_lite() -> Model:
    return Model(
        _shape(_prompt(), _ANY, _ratio(_GROK_LITE)),
        _shape(_prompt(required=False), _ANY, _ratio(_ADAPTIVE), _frames(_FIRST)),
        # Not found in what Runway publishes without a login.
        Credits((3, 4, 15, 15)),
        sound=True,
        provider="xai",
    )


def _happyhorse() -> Model:
    return Model(
        _shape(_prompt(), _ANY, _ratio(_HAPPYHORSE)),
        _shape(
            _prompt(required=False),
            _ANY,
            {"resolution": Choice(("720p", "1080p", "720P", "1080P"))},
            _frames(_FIRST),
        ),
        # Not found in what Runway publishes without a login.
        Credits((10, 10, 20, 20)),
        provider="alibaba",
    )


MODELS: Mapping[str, Model] = {
    "gen4.5": _gen45(),
    "gen4_turbo": _gen4_turbo(),
    "veo3.1": _veo(flat(20), flat(40)),
    "veo3.1_fast": _veo(flat(10), flat(15)),
    "kling2.5_turbo_pro": _kling25(),
    **{f"kling3.0_{grade}": _kling3(grade, omni=False) for grade in _KLING},
    **{f"klingO3_{grade}": _kling3(grade, omni=True) for grade in _KLING},
    "kling_4": _kling4(),
    "hailuo3": _hailuo3(),
    "h3_max": _h3_max(),
    "happyhorse_1_0": _happyhorse(),
    "seedance2": _seedance(_SEEDANCE + _SEEDANCE_LARGE, Credits((36, 36, 40, 150))),
    "seedance2_fast": _seedance(_SEEDANCE, flat(29)),
    "seedance2_mini": _seedance(_SEEDANCE, flat(16)),
    "seedance2_5": _seedance25(),
    "gemini_omni_flash": _omni(),
    "gemini_omni_flash_1.1": _omni11(),
    "grok_imagine_1_5": _grok(),
    "grok_imagine_1_5_lite": _grok_lite(),
    "wan3": _wan(Credits((5, 10, 20, 20))),
    "wan3_prime": _wan(Credits((7, 14, 28, 28))),
}


@dataclass(frozen=True, slots=True)
class Made:
    """What comes of a body that is right.

    Attributes:
        estimate_credits: what it may cost at most.
        credits: what it will cost.
    """

    seconds: float
    width: int
    height: int
    audio: bool
    estimate_credits: int
    credits: int
    uris: tuple[str, ...] = field(default=())


def made_of(model: Model, fields: Mapping[str, Any]) -> Made:
    """Return what a model makes of a body in which nothing is wrong."""
    width, height = size_of(fields)
    asked = fields.get("duration") or DEFAULT_SECONDS
    seconds = DEFAULT_SECONDS if asked == AUTO else int(asked)
    audio = model.sound and fields.get("audio", True)
    each = model.credits.each_second(width, height, audio=audio)
    most = model.most_seconds if asked == AUTO else seconds
    return Made(float(seconds), width, height, audio, each * most, each * seconds, tuple(uris_of(fields)))


def uris_of(fields: Mapping[str, Any]) -> list[str]:
    """Return every address that a body names."""
    image = fields.get("promptImage")
    found = [image] if isinstance(image, str) else []
    for name in ("promptImage", "references", "referenceVideos", "referenceAudio", "referenceImages"):
        found += [str(one.get("uri")) for one in records(fields.get(name)) or ()]
    return found
