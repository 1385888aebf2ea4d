"""A step as the orchestrator hands it out, and how a run of it can end."""

import dataclasses
import datetime
import enum
import uuid

from reelmesh_kit import ids


class Kind(enum.StrEnum):
    """What an asset is; the names are those of `reelmesh.v1.AssetKind`."""

    REFERENCE = "REFERENCE"
    RENDITION = "RENDITION"
    THUMBNAIL = "THUMBNAIL"
    POSTER = "POSTER"
    FRAME = "FRAME"
    INFOGRAPHIC = "INFOGRAPHIC"


@dataclasses.dataclass(frozen=True, slots=True)
class Owner:
    """Whose an asset is."""

    tenant_id: str
    user_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Upload:
    """What is said about a file when it is stored. Pixels, seconds."""

    asset_id: str
    owner: Owner
    kind: Kind
    content_type: str
    generation_id: str = ""
    name: str = ""
    width: int = 0
    height: int = 0
    duration_seconds: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """A file as it was stored: bytes, SHA-256 in hexadecimal, and until when it stays; None is for ever."""

    upload: Upload
    size_bytes: int
    sha256: str
    create_time: datetime.datetime
    expire_time: datetime.datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class LastFrame:
    """Take the last frame of a clip."""

    clip_asset_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Ladder:
    """Stitch clips to an exact length, check, encode."""

    clip_asset_ids: tuple[str, ...]
    duration_seconds: float
    audio: bool
    rungs: tuple[int, ...]
    #: Stands before the names of the files, when they are not the generation's first.
    label: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Infographic:
    """Draw a still picture in place of a video. Pixels."""

    prompt: str
    width: int
    height: int
    category: str
    reference_asset_ids: tuple[str, ...]
    seed: int


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """A run of a step. The token goes into the ids of what it makes: a zombie's files never meet another run's."""

    step_id: str
    token: str
    generation_id: str
    shot_id: str
    owner: Owner
    what: LastFrame | Ladder | Infographic

    def asset_id(self, name: str) -> str:
        """Return the id of something that this run makes."""
        return str(ids.derived(uuid.UUID(self.token), name))


@dataclasses.dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to do; with a time when there may be again."""

    reason: str
    ask_again_seconds: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class FrameTaken:
    """The last frame is stored."""

    frame_asset_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class MadeRendition:
    """A stored rendition. Pixels, seconds, bytes."""

    asset_id: str
    name: str
    width: int
    height: int
    duration_seconds: float
    size_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Noticed:
    """Something that the check found, from start to end in seconds."""

    kind: str
    start_seconds: float
    end_seconds: float
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class LadderMade:
    """Everything of a ladder is stored."""

    renditions: tuple[MadeRendition, ...]
    thumbnail_asset_id: str
    poster_asset_id: str
    noticed: tuple[Noticed, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class PictureDrawn:
    """The still picture is stored. Pixels, bytes."""

    asset_id: str
    width: int
    height: int
    size_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Failed:
    """The run did not work."""

    message: str
    retryable: bool
    broken_clip_asset_id: str = ""


Result = FrameTaken | LadderMade | PictureDrawn | Failed
