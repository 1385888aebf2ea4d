"""What a film is asked to be and what came of it: the renderer's nouns and its refusals."""

import math
from dataclasses import dataclass

MAX_IMAGES = 4
MAX_PROMPT_CHARACTERS = 5000
MIN_DURATION_SECONDS = 1.0
MAX_DURATION_SECONDS = 60.0
MIN_SIDE_PIXELS = 64
MAX_LONG_SIDE_PIXELS = 1920
MAX_SHORT_SIDE_PIXELS = 1080
FRAME_RATES = (24, 30)


class RenderCancelled(Exception):
    """The caller's `cancelled()` said yes; nothing was left on disk."""


class InvalidSpec(ValueError):
    """The film cannot be made as asked: fix the request."""


class UnreadableImage(ValueError):
    """An image cannot be decoded: send it again as a JPEG, PNG or WebP."""


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """One film to render.

    Attributes:
        prompt: up to 5000 characters in any script; empty text makes a film without titles.
        images: up to four JPEG, PNG or WebP files, shown in this order.
        duration_seconds: 1 to 60.
        width, height: even pixels, any aspect; long side up to 1920, short side up to 1080.
        seed: everything left to chance follows from it and the prompt.
        fps: 24 or 30.
        audio: whether to add the generated sound bed.
        first_frame: a picture file; the film begins exactly on it, so that shots can be joined.
        continued: another shot goes on from the last frame, which is therefore a plain picture.
        last_frame: a picture file; the film ends exactly on it.

    Raises:
        InvalidSpec: for a number out of range; the message names the allowed range.
    """

    prompt: str
    images: tuple[bytes, ...]
    duration_seconds: float
    width: int
    height: int
    seed: int
    fps: int = 24
    audio: bool = True
    first_frame: bytes | None = None
    continued: bool = False
    last_frame: bytes | None = None

    def __post_init__(self) -> None:
        if len(self.prompt) > MAX_PROMPT_CHARACTERS:
            raise InvalidSpec(f"the prompt has {len(self.prompt)} characters; at most {MAX_PROMPT_CHARACTERS} are read")
        if len(self.images) > MAX_IMAGES:
            raise InvalidSpec(f"{len(self.images)} images given; send at most {MAX_IMAGES}")
        if not MIN_DURATION_SECONDS <= self.duration_seconds <= MAX_DURATION_SECONDS:
            raise InvalidSpec(
                f"duration is {self.duration_seconds} s; ask for {MIN_DURATION_SECONDS:g} to {MAX_DURATION_SECONDS:g} s"
            )
        if self.fps not in FRAME_RATES:
            raise InvalidSpec(f"{self.fps} frames per second asked; choose one of {FRAME_RATES}")
        self._check_size()

    def _check_size(self) -> None:
        sides = sorted((self.width, self.height))
        fits = sides[0] >= MIN_SIDE_PIXELS and sides[0] <= MAX_SHORT_SIDE_PIXELS and sides[1] <= MAX_LONG_SIDE_PIXELS
        if not fits or self.width % 2 or self.height % 2:
            raise InvalidSpec(
                f"size {self.width}x{self.height} cannot be made: both sides even, at least {MIN_SIDE_PIXELS}, "
                f"long side up to {MAX_LONG_SIDE_PIXELS}, short side up to {MAX_SHORT_SIDE_PIXELS}"
            )

    @property
    def alone(self) -> bool:
        """Whether this is the whole film, and not a shot of a longer one."""
        return self.first_frame is None and self.last_frame is None and not self.continued

    @property
    def frame_count(self) -> int:
        """Frames in the film, half a frame rounded up."""
        return max(1, math.floor(self.duration_seconds * self.fps + 0.5))


@dataclass(frozen=True, slots=True)
class RenderReport:
    """What was made: exact frames and length, the file's size, and what a viewer might miss."""

    frames: int
    duration_seconds: float
    size_bytes: int
    warnings: tuple[str, ...]
