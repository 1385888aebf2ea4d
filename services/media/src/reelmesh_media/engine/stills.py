"""Single frames as image files: the exact last one, poster and thumbnail."""

from collections.abc import Iterator
from pathlib import Path

import av.container
import av.video.frame
import av.video.reformatter
import av.video.stream
import PIL.Image

from reelmesh_media.engine import files, frames, opening, probe
from reelmesh_media.model import colours, ladder, refusals
from reelmesh_media.model.video import MediaFacts, Size

POSTER_MAX_SHORT_SIDE = 1080
THUMBNAIL_LONG_SIDE = 640
JPEG_QUALITY = 88
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def last_frame(path: Path, out: Path) -> ladder.MadeFile:
    """Write the very last frame that decodes, upright, in full size; PNG, JPEG or WebP by the name's ending.

    Raises:
        refusals.VideoRefused: as `probe.probe`.
        refusals.OutputNotWritten: the image could not be written.
    """
    facts = probe.probe(path)
    with opening.opened(path) as container:
        stream = opening.video_stream(container)
        # The last key frame's group holds the last frame, unless it is damaged: then everything is decoded.
        for start_seconds in (facts.video.start_seconds + facts.video.duration_seconds, facts.video.start_seconds):
            latest = None
            for frame in _from(container, stream, start_seconds):
                latest = frame if latest is None or (frame.pts or 0) >= (latest.pts or 0) else latest
            if latest is not None:
                return _write(latest, facts, out)
    raise refusals.BrokenVideo("no frame decodes")


def _from(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, seconds: float
) -> Iterator[av.video.frame.VideoFrame]:
    """Frames from the last key frame at or before a time on."""
    time_base = float(stream.time_base or 1)
    container.seek(round(seconds / time_base), stream=stream, backward=True)
    yield from frames.decoded(container, stream, frames.Tally())


def _write(frame: av.video.frame.VideoFrame, facts: MediaFacts, out: Path) -> ladder.MadeFile:
    colour = colours.delivered(facts.video.colour, facts.video.shown.short_side)
    image = picture(frames.Canvas(facts.video, facts.video.shown, colour).draw(frame))
    return save(image, out)


def picture(frame: av.video.frame.VideoFrame) -> PIL.Image.Image:
    """A frame as an image in RGB. Untagged HD is BT.709 by convention, which FFmpeg does not guess."""
    untagged = frame.colorspace == colours.UNSPECIFIED
    hd = untagged and min(frame.width, frame.height) >= colours.HD_SHORT_SIDE
    matrix = av.video.reformatter.Colorspace.ITU709 if hd else None
    rgb = av.video.reformatter.VideoReformatter().reformat(frame, format="rgb24", src_colorspace=matrix)
    plane = rgb.planes[0]
    return PIL.Image.frombuffer("RGB", (rgb.width, rgb.height), bytes(plane), "raw", "RGB", plane.line_size, 1)


def poster_and_thumbnail(still: av.video.frame.VideoFrame, folder: Path) -> tuple[ladder.MadeFile, ladder.MadeFile]:
    """Write `poster.jpg` (at most 1080 on the short side) and `thumbnail.jpg` (at most 640 on the long side)."""
    image = picture(still)
    poster = _at_most(image, POSTER_MAX_SHORT_SIDE / min(image.size))
    thumbnail = _at_most(image, THUMBNAIL_LONG_SIDE / max(image.size))
    return save(poster, folder / "poster.jpg"), save(thumbnail, folder / "thumbnail.jpg")


def _at_most(image: PIL.Image.Image, scale: float) -> PIL.Image.Image:
    if scale >= 1:
        return image
    size = Size(round(image.width * scale), round(image.height * scale))
    return image.resize((size.width, size.height), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)


def save(image: PIL.Image.Image, out: Path) -> ladder.MadeFile:
    """Write an image without metadata, in the format of the name's ending, and describe the file."""
    with files.writing():
        options = {"quality": JPEG_QUALITY, "optimize": True} if out.suffix in (".jpg", ".jpeg") else {}
        image.save(files.part(out), format=_FORMATS[out.suffix], **options)
    return files.publish(out, image.width, image.height)
