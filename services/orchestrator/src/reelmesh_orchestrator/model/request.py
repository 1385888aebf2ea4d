"""What a caller asks for: checked, completed with defaults, and fingerprinted."""

import dataclasses
import datetime
import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Mapping

from reelmesh_kit import errors, ids

from reelmesh_orchestrator.model.generation import Delivery, Output

LONGEST_PROMPT_CHARACTERS = 5000
LONGEST_NEGATIVE_PROMPT_CHARACTERS = 2000
LONGEST_VIDEO_SECONDS = 60.0
SHORTEST_VIDEO_SECONDS = 1.0
MOST_REFERENCES = 4
MOST_LABELS = 32
LONGEST_LABEL_KEY_CHARACTERS = 63
LONGEST_LABEL_VALUE_CHARACTERS = 255
LONGEST_USER_ID_CHARACTERS = 255
SMALLEST_SIDE_PIXELS = 64
LARGEST_SIDE_PIXELS = 4096
HIGHEST_PRIORITY = 10
LARGEST_SEED = 2**32 - 1
# A bound far above any price, so that sums stay exact in 64 bits: a million dollars.
LARGEST_COST_MICROS = 10**12
LONGEST_REQUEST_ID_CHARACTERS = 128

DEFAULT_DURATION_SECONDS = 8.0
DEFAULT_ASPECT_RATIO = "16:9"
DEFAULT_RESOLUTION = 720
DEFAULT_PRIORITY = 5

RESOLUTIONS = (480, 720, 1080)
FRAME_RATES = (0, 24, 30)
# Widest and narrowest aspect ratio that is taken; anything beyond is a typing error.
WIDEST_ASPECT = 4.0

_REQUEST_ID = re.compile(rf"[A-Za-z0-9._~-]{{1,{LONGEST_REQUEST_ID_CHARACTERS}}}")
# Letters, marks, numbers, punctuation, symbols: what a prompt must have one of.
_SEEN = frozenset("LMNPS")
# What requests had not at first.
_ADDED = frozenset({"policy", "category", "negative_prompt", "first_frame_asset_id", "last_frame_asset_id"})
# The name of a policy, or a category, or nothing.
_WORD = re.compile(r"[\w .-]{0,63}")
_PIN = re.compile(r"[a-z0-9-]{1,63}(/[A-Za-z0-9._:/-]{1,127})?")


@dataclasses.dataclass(frozen=True)
class OutputWish:
    """What the file should be, as asked: zeros and empty strings leave it to the defaults."""

    duration_seconds: float = 0.0
    aspect_ratio: str = ""
    resolution: int = 0
    width: int = 0
    height: int = 0
    frames_per_second: int = 0
    audio: bool | None = None


@dataclasses.dataclass(frozen=True)
class Request:
    """What a caller asks for, before anything was checked."""

    prompt: str
    output: OutputWish = OutputWish()
    reference_asset_ids: tuple[str, ...] = ()
    pin: str = ""
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    max_cost_micros: int = 0
    deadline_time: datetime.datetime | None = None
    fallback_floor: Delivery = Delivery.NONE
    seed: int | None = None
    priority: int | None = None
    user_id: str = ""
    policy: str = ""
    category: str = ""
    #: What it should not show.
    negative_prompt: str = ""
    first_frame_asset_id: str = ""
    last_frame_asset_id: str = ""

    @property
    def picture_asset_ids(self) -> tuple[str, ...]:
        """Every image that it names, once."""
        frames = (self.first_frame_asset_id, self.last_frame_asset_id)
        return tuple(dict.fromkeys((*self.reference_asset_ids, *filter(None, frames))))


def check(request: Request, now: datetime.datetime) -> None:
    """Refuse what can never be made.

    Raises:
        errors.InvalidArgument: naming the field and what it may be.
    """
    _check_prompt(request.prompt)
    _check_negative_prompt(request.negative_prompt)
    _check_output(request.output)
    check_pictures(request)
    check_labels(request.labels)
    if request.pin and not _PIN.fullmatch(request.pin):
        raise errors.InvalidArgument("model", 'must be "provider" or "provider/model", e.g. "local/local-1"')
    if not 0 <= request.max_cost_micros <= LARGEST_COST_MICROS:
        raise errors.InvalidArgument("max_cost_micros", f"must be 0 (no bound) to {LARGEST_COST_MICROS}")
    if request.deadline_time is not None and request.deadline_time <= now:
        raise errors.InvalidArgument("deadline_time", f"lies in the past: it is {now.isoformat()} now")
    if request.priority is not None and not 0 <= request.priority <= HIGHEST_PRIORITY:
        raise errors.InvalidArgument("priority", f"must be 0 to {HIGHEST_PRIORITY}")
    if request.seed is not None and not 0 <= request.seed <= LARGEST_SEED:
        raise errors.InvalidArgument("seed", f"must be 0 to {LARGEST_SEED}")
    check_user_id(request.user_id)
    for name in ("policy", "category"):
        if not _WORD.fullmatch(getattr(request, name)):
            raise errors.InvalidArgument(name, "must be at most 63 letters, digits, spaces, dots, dashes, underscores")


def check_request_id(request_id: str) -> None:
    """Refuse idempotency keys that some proxy would mangle.

    Raises:
        errors.InvalidArgument: it is not 1 to 128 unreserved characters.
    """
    if request_id and not _REQUEST_ID.fullmatch(request_id):
        raise errors.InvalidArgument(
            "request_id", f"must be 1 to {LONGEST_REQUEST_ID_CHARACTERS} characters of A-Z a-z 0-9 . _ ~ -"
        )


def completed(wish: OutputWish) -> Output:
    """Return the output with its defaults filled in: explicit pixels win over aspect ratio and resolution."""
    if wish.width and wish.height:
        width, height = wish.width, wish.height
    else:
        width, height = _pixels(
            _ratio(wish.aspect_ratio or DEFAULT_ASPECT_RATIO), wish.resolution or DEFAULT_RESOLUTION
        )
    return Output(
        duration_seconds=wish.duration_seconds or DEFAULT_DURATION_SECONDS,
        width=width,
        height=height,
        frames_per_second=wish.frames_per_second,
        audio=wish.audio is not False,
    )


def fingerprint(request: Request) -> str:
    """Return the SHA-256 over the canonical JSON of the request: what an idempotency key stands for."""
    fields = dataclasses.asdict(request)
    # A request that names none is what it was before there were any.
    fields = {name: value for name, value in fields.items() if value or name not in _ADDED}
    if request.deadline_time is not None:
        fields["deadline_time"] = request.deadline_time.isoformat()
    canonical = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def check_user_id(user_id: str) -> None:
    """Refuse what names nobody.

    Raises:
        errors.InvalidArgument: it is too long, or cannot be printed.
    """
    if len(user_id) > LONGEST_USER_ID_CHARACTERS or not user_id.isprintable():
        raise errors.InvalidArgument("user_id", f"must be at most {LONGEST_USER_ID_CHARACTERS} printable characters")


def _check_prompt(prompt: str) -> None:
    if not _says_something(prompt):
        raise errors.InvalidArgument("prompt", "must say what the video should show")
    _check_words("prompt", prompt, LONGEST_PROMPT_CHARACTERS)


def _check_negative_prompt(words: str) -> None:
    if words and not _says_something(words):
        raise errors.InvalidArgument("negative_prompt", "must say what the video should not show, or be left out")
    _check_words("negative_prompt", words, LONGEST_NEGATIVE_PROMPT_CHARACTERS)


def _says_something(words: str) -> bool:
    return any(unicodedata.category(character)[0] in _SEEN for character in words)


def _check_words(field: str, words: str, most_characters: int) -> None:
    if len(words) > most_characters:
        raise errors.InvalidArgument(field, f"has {len(words)} characters, at most {most_characters} are taken")
    if "\x00" in words or any(0xD800 <= ord(character) <= 0xDFFF for character in words):
        raise errors.InvalidArgument(field, "contains NUL or half of a surrogate pair; send plain Unicode text")


def _check_output(wish: OutputWish) -> None:
    seconds = wish.duration_seconds
    if not math.isfinite(seconds) or (seconds != 0 and not SHORTEST_VIDEO_SECONDS <= seconds <= LONGEST_VIDEO_SECONDS):
        raise errors.InvalidArgument(
            "output.duration_seconds", f"must be {SHORTEST_VIDEO_SECONDS:g} to {LONGEST_VIDEO_SECONDS:g}"
        )
    if wish.resolution and wish.resolution not in RESOLUTIONS:
        raise errors.InvalidArgument("output.resolution", f"must be one of {', '.join(map(str, RESOLUTIONS))}")
    if wish.frames_per_second not in FRAME_RATES:
        raise errors.InvalidArgument("output.frames_per_second", "must be 24 or 30, or absent")
    if bool(wish.width) != bool(wish.height):
        raise errors.InvalidArgument(
            "output.width" if not wish.width else "output.height", "width and height go together"
        )
    for field, side in (("output.width", wish.width), ("output.height", wish.height)):
        if side and not SMALLEST_SIDE_PIXELS <= side <= LARGEST_SIDE_PIXELS:
            raise errors.InvalidArgument(field, f"must be {SMALLEST_SIDE_PIXELS} to {LARGEST_SIDE_PIXELS}")
        if side % 2:
            raise errors.InvalidArgument(field, "must be even")
    _ratio(wish.aspect_ratio or DEFAULT_ASPECT_RATIO)


def check_pictures(request: Request) -> None:
    """Refuse more images than are taken, and what names none: before storage is asked about each.

    Raises:
        errors.InvalidArgument: saying which.
    """
    if len(request.reference_asset_ids) > MOST_REFERENCES:
        raise errors.InvalidArgument("reference_asset_ids", f"at most {MOST_REFERENCES} images are taken")
    for asset_id in request.reference_asset_ids:
        _check_asset_id("reference_asset_ids", asset_id)
    for field in ("first_frame_asset_id", "last_frame_asset_id"):
        if asset_id := getattr(request, field):
            _check_asset_id(field, asset_id)


def _check_asset_id(field: str, asset_id: str) -> None:
    try:
        ids.read(asset_id)
    except ValueError as error:
        raise errors.InvalidArgument(field, str(error)) from None


def check_labels(labels: Mapping[str, str]) -> None:
    """Refuse more labels than are taken, and what can be none: for making, and for looking for.

    Raises:
        errors.InvalidArgument: saying which.
    """
    if len(labels) > MOST_LABELS:
        raise errors.InvalidArgument("labels", f"at most {MOST_LABELS} are taken")
    for key, value in labels.items():
        if not 1 <= len(key) <= LONGEST_LABEL_KEY_CHARACTERS or not key.isprintable():
            raise errors.InvalidArgument(
                "labels", f"the key {key[:80]!r} must be 1 to {LONGEST_LABEL_KEY_CHARACTERS} printable characters"
            )
        if len(value) > LONGEST_LABEL_VALUE_CHARACTERS or "\x00" in value:
            raise errors.InvalidArgument(
                "labels", f"the value of {key!r} must be at most {LONGEST_LABEL_VALUE_CHARACTERS} characters, none NUL"
            )


def _ratio(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,4}):([0-9]{1,4})", text)
    if not match or "0" in (match[1].strip("0") or "0", match[2].strip("0") or "0"):
        raise errors.InvalidArgument("output.aspect_ratio", 'must look like "16:9"')
    ratio = int(match[1]) / int(match[2])
    if not 1 / WIDEST_ASPECT <= ratio <= WIDEST_ASPECT:
        raise errors.InvalidArgument(
            "output.aspect_ratio", f"must lie between 1:{WIDEST_ASPECT:g} and {WIDEST_ASPECT:g}:1"
        )
    return ratio


def _pixels(ratio: float, short_side: int) -> tuple[int, int]:
    long_side = round(short_side * max(ratio, 1 / ratio) / 2) * 2
    return (long_side, short_side) if ratio >= 1 else (short_side, long_side)
