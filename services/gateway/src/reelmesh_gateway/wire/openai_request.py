"""OpenAI's Videos dialect, inward: what a create asks for, from a form or from JSON, as a request of ours."""

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from reelmesh.v1 import generation_pb2, generation_service_pb2

from reelmesh_gateway.model import images
from reelmesh_gateway.wire import openai

# What is asked for that the request does not say.
DEFAULT_MODEL = "sora-2"
DEFAULT_SECONDS = "4"
DEFAULT_SIZE = "720x1280"
LONGEST_MODEL_CHARACTERS = 200
LONGEST_URL_CHARACTERS = 8192
# Names that mean what they meant: a video, whoever makes it. The same names with a vendor before them, too.
HISTORICAL = ("sora-2", "sora-2-pro")
_HISTORICAL = re.compile(r"((openai|azure)/)?sora-[a-z0-9.-]{1,60}", re.IGNORECASE)
_POLICY = "policy/"

_REFERENCE, _LAST_FRAME = "input_reference", "last_frame"
# Those that the original did not have come last.
_FIELDS = ("prompt", "model", "seconds", "size", _REFERENCE, _LAST_FRAME, "negative_prompt", "seed")
# Fields that the original took and nobody here can make something of.
_UNSUPPORTED = ("characters",)
LARGEST_SEED = 2**32 - 1
_SECONDS = re.compile(r"\d{1,4}(\.\d{1,3})?")
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_DATA_URL = re.compile(r"data:[a-z]+/[a-z0-9.+-]+;base64,(.*)", re.DOTALL | re.IGNORECASE)
_MEMBER = re.compile(r"(input_reference|last_frame)\[(\w+)\]")
_SEED = re.compile(r"\d{1,10}")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a form."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that came with the request."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Address:
    """A picture that lies elsewhere."""

    url: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A picture that was uploaded before."""

    asset_id: str


Reference = Picture | Address | Asset
Fields = Mapping[str, Any]
"""Text, numbers and objects as they came; a file of a form is a File."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a create asks for. The original had neither a last frame, nor a negative prompt, nor a seed."""

    prompt: str
    model: str
    seconds: float
    width: int
    height: int
    reference: Reference | None
    last_frame: Reference | None = None
    negative_prompt: str = ""
    seed: int | None = None

    @property
    def sha256(self) -> str:
        """Return the fingerprint of all of it: the same, whether it came as a form or as JSON."""
        told = [self.prompt, self.model, f"{self.seconds:g}", self.width, self.height, *_told(self.reference)]
        beyond = {
            _LAST_FRAME: _told(self.last_frame) if self.last_frame else None,
            "negative_prompt": self.negative_prompt or None,
            "seed": self.seed,
        }
        told += [[name, value] for name, value in beyond.items() if value is not None]
        return hashlib.sha256(json.dumps(told, ensure_ascii=True).encode()).hexdigest()


def read(fields: Fields) -> Wanted:
    """Return what a create asks for.

    Raises:
        openai.Refused: a field is missing, unknown, or not as it should be.
    """
    given = _nested(fields)
    for name in given:
        if name in _UNSUPPORTED:
            raise openai.Refused(f"'{name}' is not supported here. Leave it out.", name, "unsupported_parameter")
        if name not in _FIELDS:
            shown = name[:100].encode("utf-8", "replace").decode()
            known = ", ".join(_FIELDS)
            raise openai.Refused(f"Unknown parameter: '{shown}'. Known are {known}.", shown, "unknown_parameter")
    width, height = _size(given.get("size"))
    return Wanted(
        prompt=_prompt(given.get("prompt")),
        model=_model(given.get("model")),
        seconds=_seconds(given.get("seconds")),
        width=width,
        height=height,
        reference=_reference(given.get(_REFERENCE), _REFERENCE),
        last_frame=_reference(given.get(_LAST_FRAME), _LAST_FRAME),
        negative_prompt=_text(given.get("negative_prompt") or "", "negative_prompt"),
        seed=_seed(given.get("seed")),
    )


def to_request(wanted: Wanted, reference_id: str, last_frame_id: str = "") -> generation_service_pb2.GenerationRequest:
    """Return our request: never less than a video, and marked by the door and the name of the model.

    A picture to start from is a frame to begin on where there is one to end on: whoever takes the one takes the other,
    and most take no reference images beside frames.
    """
    request = generation_service_pb2.GenerationRequest(
        prompt=wanted.prompt,
        output=generation_pb2.OutputSpec(duration_seconds=wanted.seconds, width=wanted.width, height=wanted.height),
        reference_asset_ids=[reference_id] if reference_id and not last_frame_id else [],
        first_frame_asset_id=reference_id if last_frame_id else "",
        last_frame_asset_id=last_frame_id,
        negative_prompt=wanted.negative_prompt,
        seed=wanted.seed,
        labels={openai.DOOR_LABEL: openai.DOOR, openai.MODEL_LABEL: wanted.model},
        fallback_floor=generation_pb2.DELIVERY_VIDEO,
    )
    if wanted.model.startswith(_POLICY):
        request.policy = wanted.model.removeprefix(_POLICY)
    elif not is_free(wanted.model):
        request.model = wanted.model
    return request


def is_free(model: str) -> bool:
    """Tell whether a name leaves routing free."""
    return _HISTORICAL.fullmatch(model) is not None


def is_policy(model: str) -> bool:
    """Tell whether a name is that of a policy of routing."""
    return model.startswith(_POLICY)


def _nested(fields: Fields) -> Fields:
    """Return fields with what a form writes as "input_reference[image_url]" put together."""
    rest = {name: value for name, value in fields.items() if not _MEMBER.fullmatch(name)}
    members: dict[str, dict[str, Any]] = {}
    for name, value in fields.items():
        if found := _MEMBER.fullmatch(name):
            members.setdefault(found[1], {})[found[2]] = value
    for name in members:
        if name in rest:
            raise openai.Refused(f"'{name}' comes twice.", name)
    return {**rest, **members}


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        told = f"Invalid type for '{name}': expected a string, but got {_kind(value)} instead."
        raise openai.Refused(told, name, "invalid_type")
    try:
        value.encode()
    except UnicodeEncodeError:
        told = f"Invalid value for '{name}': it has half of a surrogate pair, which is no character."
        raise openai.Refused(told, name, "invalid_value") from None
    return value


def _prompt(value: object) -> str:
    if value is None or value == "":
        raise openai.Refused("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
    return _text(value, "prompt")


def _model(value: object) -> str:
    name = DEFAULT_MODEL if value is None else _text(value, "model")
    if not name or len(name) > LONGEST_MODEL_CHARACTERS or not name.isprintable():
        raise unknown_model(name)
    return name


def unknown_model(name: str) -> openai.Refused:
    """Return the refusal of a model that nobody has."""
    shown = name[:LONGEST_MODEL_CHARACTERS]
    told = f"The model '{shown}' does not exist. GET /v1/models lists those that do."
    return openai.Refused(told, "model", "model_not_found", 404)


def _seconds(value: object) -> float:
    value = DEFAULT_SECONDS if value is None else value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        told = f"Invalid type for 'seconds': expected a string or a number, but got {_kind(value)} instead."
        raise openai.Refused(told, "seconds", "invalid_type")
    if isinstance(value, str):
        number = float(value) if _SECONDS.fullmatch(value) and value.isascii() else math.nan
    else:
        number = float(value) if abs(value) < 1e9 else math.nan
    if not math.isfinite(number) or number <= 0:
        shown = str(value)[:40].encode("utf-8", "replace").decode()
        told = f"Invalid value: '{shown}'. 'seconds' is a number of seconds, such as '4', '8' or '12'."
        raise openai.Refused(told, "seconds", "invalid_value")
    return number


def _size(value: object) -> tuple[int, int]:
    text = DEFAULT_SIZE if value is None else _text(value, "size")
    found = _SIZE.fullmatch(text) if text.isascii() else None
    if found is None or not int(found[1]) or not int(found[2]):
        shown = text[:40]
        told = f"Invalid value: '{shown}'. 'size' is width x height in pixels, such as '720x1280' or '1280x720'."
        raise openai.Refused(told, "size", "invalid_value")
    return int(found[1]), int(found[2])


def _seed(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        told = f"Invalid type for 'seed': expected an integer, but got {_kind(value)} instead."
        raise openai.Refused(told, "seed", "invalid_type")
    text = str(value)
    number = int(text) if _SEED.fullmatch(text) and text.isascii() else -1
    if not 0 <= number <= LARGEST_SEED:
        shown = text[:40].encode("utf-8", "replace").decode()
        told = f"Invalid value: '{shown}'. 'seed' is an integer from 0 to {LARGEST_SEED}."
        raise openai.Refused(told, "seed", "invalid_value")
    return number


def _reference(value: object, name: str) -> Reference | None:
    if value is None:
        return None
    if isinstance(value, File):
        return _picture(value.data, name)
    if not isinstance(value, Mapping):
        told = f"Invalid type for '{name}': expected a file, but got {_kind(value)} instead."
        raise openai.Refused(told, name, "invalid_type")
    named = cast(Mapping[str, object], value)
    if len(named) != 1 or next(iter(named)) not in ("file_id", "image_url"):
        told = f"'{name}' has exactly one of 'file_id' and 'image_url'."
        raise openai.Refused(told, name, "invalid_value")
    if "file_id" in named:
        return Asset(_text(named["file_id"], f"{name}.file_id"))
    return _at(_text(named["image_url"], f"{name}.image_url"), name)


def _at(url: str, name: str) -> Reference:
    if url[:5].lower() != "data:":
        if len(url) > LONGEST_URL_CHARACTERS:
            told = f"Invalid value: 'image_url' has more than {LONGEST_URL_CHARACTERS} characters."
            raise openai.Refused(told, name, "string_above_max_length")
        return Address(url)
    found = _DATA_URL.fullmatch(url)
    try:
        data = base64.b64decode(found[1], validate=True) if found else b""
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        told = "Invalid value: 'image_url' is no data URL with an image in base64, as in 'data:image/png;base64,iVBO…'."
        raise openai.Refused(told, name, "invalid_value")
    return _picture(data, name)


def _picture(data: bytes, name: str) -> Picture:
    check_picture(data, name)
    return Picture(data)


def check_picture(data: bytes, name: str) -> None:
    """Refuse what is no picture by its first bytes, as the field `name`.

    Raises:
        openai.Refused: it is none.
    """
    if images.sniff(data[: images.HEAD_BYTES]) is None:
        told = f"Unsupported mimetype for '{name}': send image/jpeg, image/png or image/webp."
        raise openai.Refused(told, name, "unsupported_mimetype")


def _told(reference: Reference | None) -> tuple[str, str]:
    match reference:
        case None:
            return "", ""
        case Picture(data):
            return "picture", hashlib.sha256(data).hexdigest()
        case Address(url):
            return "address", url
        case Asset(asset_id):
            return "asset", asset_id.lower()


def _kind(value: object) -> str:
    names: Mapping[type, str] = {str: "a string", bool: "a boolean", int: "an integer", float: "a number"}
    if isinstance(value, Mapping):
        return "an object"
    return "a file" if isinstance(value, File) else names.get(type(value), "something else")
