"""The images a film is given: decoded defensively, cut to fit the frame, and filmed by a moving camera."""

import dataclasses
import io
from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from reelmesh_provider_local.rendering import canvas, model, motion, planes, resampling

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 40_000_000
MAX_SIDE_PIXELS = 8192
# The camera comes at most this near; plates are so much larger than the frame that it never enlarges them, and never
# meets the scale of 1 at which resampling is dear.
NEAREST_ZOOM = 1.16
PLATE_SCALE = 1.25
# An image of which a filled frame would hide more is shown whole, on a blurred copy of itself.
LEAST_VISIBLE_PART = 0.42
LONGEST_PAN = 0.55
_INSET_PART = 0.8
_SHARPER = ImageFilter.UnsharpMask(radius=1.0, percent=60, threshold=2)
_INSET_HEIGHT_PART = 0.4


@dataclass(frozen=True, slots=True)
class Plate:
    """A picture ready to be filmed: Y at full size, Cb and Cr at half.

    `inset` says that the image floats whole on a blurred ground.
    """

    luma: resampling.Source
    cb: resampling.Source
    cr: resampling.Source
    inset: bool = False

    def seen(self, framing: motion.Framing, size: tuple[int, int]) -> canvas.Canvas:
        """What a camera of `size` (width, height) sees; smooth at any fraction of a pixel."""
        left, top, right, bottom = motion.view_box(framing, self.luma.size, size)
        half = (size[0] // 2, size[1] // 2)
        small = (left / 2, top / 2, right / 2, bottom / 2)
        return canvas.Canvas(
            self.luma.seen((left, top, right, bottom), size), self.cb.seen(small, half), self.cr.seen(small, half)
        )


def decode(data: bytes, name: str) -> Image.Image:
    """One file as an upright RGB picture.

    Args:
        name: how to call it in the error, such as "image 2".

    Raises:
        UnreadableImage: it is broken, too large, or not a JPEG, PNG or WebP.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            width, height = opened.size
            if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PIXELS:
                raise model.UnreadableImage(
                    f"{name} is {width}x{height}; send one with at most {MAX_PIXELS // 10**6} megapixels "
                    f"and {MAX_SIDE_PIXELS} pixels a side"
                )
            return _flattened(ImageOps.exif_transpose(opened))
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise model.UnreadableImage(f"{name} cannot be read ({error}); send it again as a JPEG, PNG or WebP") from error


def plate(image: Image.Image, frame: tuple[int, int]) -> Plate:
    """A plate for an image of any shape: filling the frame where enough of it stays visible, else inset."""
    room = (_even(frame[0] * PLATE_SCALE), _even(frame[1] * PLATE_SCALE))
    visible = _visible_part(image.size, frame)
    if visible < LEAST_VISIBLE_PART:
        return dataclasses.replace(_plate(_inset(image, room), room), inset=True)
    scale = max(room[0] / image.width, room[1] / image.height)
    size = (max(room[0], _even(image.width * scale)), max(room[1], _even(image.height * scale)))
    return _plate(image, size, sharper=True)


def exact_plate(image: Image.Image, frame: tuple[int, int]) -> Plate:
    """A plate of exactly the frame's size; an image that already has it keeps every pixel."""
    return _plate(image if image.size == frame else ImageOps.fit(image, frame, Image.Resampling.LANCZOS), frame)


def camera_move(image_plate: Plate, frame: tuple[int, int], rng: np.random.Generator) -> motion.CameraMove:
    """A slow move for a plate: along its longer side where there is something to discover, else nearer or farther."""
    if image_plate.inset:
        breath = (motion.Framing(0.5, 0.5, 1.0), motion.Framing(0.5, 0.49, 1.07))
        return motion.CameraMove(*breath) if rng.random() < 0.5 else motion.CameraMove(*breath[::-1])
    width, height = image_plate.luma.size
    hidden_x, hidden_y = (1 - frame[0] / width) / 2, (1 - frame[1] / height) / 2
    far, near = rng.uniform(1.0, 1.025), rng.uniform(1.11, NEAREST_ZOOM)
    side = 1.0 if rng.random() < 0.5 else -1.0
    pan_x, pan_y = side * min(hidden_x, LONGEST_PAN / 2), side * min(hidden_y, LONGEST_PAN / 2)
    drift_x, drift_y = rng.uniform(-0.02, 0.02), rng.uniform(-0.02, 0.02)
    away = motion.Framing(0.5 - pan_x, 0.5 - pan_y, float(far))
    close = motion.Framing(float(0.5 + pan_x + drift_x), float(0.5 + pan_y + drift_y), float(near))
    return motion.CameraMove(away, close) if rng.random() < 0.6 else motion.CameraMove(close, away)


def _flattened(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        clear = image.convert("RGBA")
        ground = Image.new("RGBA", clear.size, (24, 24, 26, 255))
        return Image.alpha_composite(ground, clear).convert("RGB")
    return image.convert("RGB")


def _visible_part(image: tuple[int, int], frame: tuple[int, int]) -> float:
    ratio = (image[0] / image[1]) / (frame[0] / frame[1])
    return min(ratio, 1 / ratio)


def _inset(image: Image.Image, room: tuple[int, int]) -> Image.Image:
    tiny = ImageOps.fit(image, (max(2, room[0] // 16), max(2, room[1] // 16)), Image.Resampling.BOX)
    ground = tiny.filter(ImageFilter.GaussianBlur(3)).resize(room, Image.Resampling.BICUBIC)
    ground = ground.point(lambda value: value * 0.55)
    whole = ImageOps.contain(
        image, (round(room[0] * _INSET_PART), round(room[1] * _INSET_PART)), Image.Resampling.LANCZOS
    )
    # A little above the middle: titles stand below.
    spot = ((room[0] - whole.width) // 2, round((room[1] - whole.height) * _INSET_HEIGHT_PART))
    blur = max(4, min(room) // 40)
    fall = Image.new("L", room, 0)
    fall.paste(170, (spot[0], spot[1] + blur // 2, spot[0] + whole.width, spot[1] + whole.height + blur // 2))
    ground.paste((0, 0, 0), (0, 0), fall.filter(ImageFilter.GaussianBlur(blur)))
    ground.paste(whole, spot)
    return ground


def _plate(image: Image.Image, size: tuple[int, int], sharper: bool = False) -> Plate:
    """An RGB image scaled and split into planes in one go."""
    frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
    split = VideoReformatter().reformat(
        frame,
        *size,
        "yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.LANCZOS | Interpolation.ACCURATE_RND | Interpolation.BITEXACT,
    )
    luma, cb, cr = (planes.rows(plane)[:, : plane.width] for plane in split.planes)
    if sharper:
        luma = np.asarray(Image.fromarray(luma).filter(_SHARPER))
    return Plate(resampling.Source(luma), resampling.Source(cb), resampling.Source(cr))


def _even(pixels: float) -> int:
    return 2 * round(pixels / 2)
