"""Assets as the gateway handles them: stored bytes with an owner, a kind and, often, an expiry."""

import dataclasses
import datetime
import enum


class Kind(enum.StrEnum):
    """What an asset is: the words of `reelmesh.v1.AssetKind` without their prefix."""

    UNSPECIFIED = "UNSPECIFIED"
    REFERENCE = "REFERENCE"
    CLIP = "CLIP"
    RENDITION = "RENDITION"
    THUMBNAIL = "THUMBNAIL"
    POSTER = "POSTER"
    FRAME = "FRAME"
    INFOGRAPHIC = "INFOGRAPHIC"
    FACE = "FACE"


class Drawing(enum.StrEnum):
    """What can be drawn of what is stored: the words of `reelmesh.mesh.v1.PictureKind`."""

    THUMBNAIL = "THUMBNAIL"
    SPRITESHEET = "SPRITESHEET"


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A small picture, drawn for this occasion."""

    content: bytes
    content_type: str


@dataclasses.dataclass(frozen=True)
class Owner:
    """Whose it is: a tenant and, perhaps, a person within it."""

    tenant_id: str
    user_id: str = ""


@dataclasses.dataclass(frozen=True)
class Asset:
    """What is known about stored bytes; the fields of `reelmesh.v1.Asset`."""

    id: str
    tenant_id: str
    user_id: str
    kind: Kind
    content_type: str
    size_bytes: int
    sha256: str
    width: int
    height: int
    duration_seconds: float
    create_time: datetime.datetime | None
    expire_time: datetime.datetime | None
    generation_id: str

    @property
    def etag(self) -> str:
        """The strong entity tag: the same bytes, the same tag."""
        return f'"{self.sha256}"'


@dataclasses.dataclass(frozen=True)
class Upload:
    """Bytes on their way in: provisional, until they were looked at."""

    id: str
    owner: Owner
    content_type: str
    expires_after: datetime.timedelta
