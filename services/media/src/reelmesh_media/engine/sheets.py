"""Small pictures of what is stored: a still in another format, and frames of a video in rows."""

from collections.abc import Iterator
from pathlib import Path

import av.video.frame
import PIL.Image

from reelmesh_media.engine import frames, opening, probe, stills
from reelmesh_media.model import colours, ladder, refusals, sheets
from reelmesh_media.model.video import MediaFacts, Size


def webp(path: Path, out: Path) -> ladder.MadeFile:
    """Write a JPEG as WebP, in its size.

    Raises:
        refusals.ImageRefused: it is none, or cannot be decoded.
    """
    try:
        with PIL.Image.open(path, formats=["JPEG"]) as image:
            return stills.save(image.convert("RGB"), out)
    except (PIL.UnidentifiedImageError, OSError, SyntaxError) as error:
        raise refusals.ImageTruncated(str(error)) from error


def spritesheet(path: Path, out: Path) -> ladder.MadeFile:
    """Write frames of a video in rows: evenly spaced, from its beginning on.

    Raises:
        refusals.VideoRefused: as `probe.probe`.
    """
    facts = probe.probe(path)
    shown = facts.video.shown
    tile = frames.fit(shown, _tile(shown))
    sheet = PIL.Image.new("RGB", (tile.width * sheets.COLUMNS, tile.height * sheets.ROWS))
    for number, frame in enumerate(_spaced(path, facts)):
        image = stills.picture(frame).resize((tile.width, tile.height), PIL.Image.Resampling.LANCZOS)
        sheet.paste(image, (number % sheets.COLUMNS * tile.width, number // sheets.COLUMNS * tile.height))
    return stills.save(sheet, out)


def _tile(shown: Size) -> Size:
    longer = sheets.TILE_LONG_SIDE
    if shown.width >= shown.height:
        return Size(longer, max(2, round(longer * shown.height / shown.width / 2) * 2))
    return Size(max(2, round(longer * shown.width / shown.height / 2) * 2), longer)


def _spaced(path: Path, facts: MediaFacts) -> Iterator[av.video.frame.VideoFrame]:
    """Yield as many frames as a sheet has places, fewer when the video has fewer."""
    track = facts.video
    canvas = frames.Canvas(track, track.shown, colours.delivered(track.colour, track.shown.short_side))
    wanted = sheets.moments(float(track.duration_seconds))
    with opening.opened(path) as container:
        stream = opening.video_stream(container)
        for frame in frames.decoded(container, stream, frames.Tally()):
            elapsed = float((frame.pts or 0) * (frame.time_base or 0)) - float(track.start_seconds)
            if wanted and elapsed >= wanted[0]:
                while wanted and elapsed >= wanted[0]:
                    wanted = wanted[1:]
                yield canvas.draw(frame)
            if not wanted:
                return
