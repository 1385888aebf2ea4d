"""Small pictures of what is stored, and what a sheet of frames looks like."""

import enum


class Kind(enum.StrEnum):
    """What is drawn; the names are those of `reelmesh.mesh.v1.PictureKind`."""

    THUMBNAIL = "THUMBNAIL"
    SPRITESHEET = "SPRITESHEET"


CONTENT_TYPES = {Kind.THUMBNAIL: "image/webp", Kind.SPRITESHEET: "image/jpeg"}

COLUMNS = 4
ROWS = 4
TILE_LONG_SIDE = 256
# Above what the largest sheet of the most detailed frames has.
PICTURE_LIMIT_BYTES = 2 * 1024 * 1024


def moments(duration_seconds: float) -> tuple[float, ...]:
    """Return at which seconds of a video its frames are taken: as many as there are places, evenly spaced."""
    places = COLUMNS * ROWS
    return tuple(duration_seconds * place / places for place in range(places))
