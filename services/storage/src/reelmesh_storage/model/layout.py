"""Where bytes lie: a key for each write, readable by people, safe as a path whatever the ids contain.

    videos/{user}/{yyyy}/{mm}/{dd}/{generation}.mp4            the top rendition (the one without a name)
    videos/{user}/{yyyy}/{mm}/{dd}/{generation}_{name}.mp4     the others
    thumbnails/ posters/ infographics/ …                       the same with .jpg, .png, .svg
    clips/ references/ frames/{user}/{yyyy}/{mm}/{dd}/{asset}  what belongs to one attempt or upload
    faces/{user}/{asset}.jpg

The user is the tenant where nobody was named. Tenants other than the default one get a folder of their own before all
that. A key that is taken (a second rendering of the same generation) gets the id of its write behind the stem.
"""

import datetime
import hashlib
import re
import urllib.parse
import uuid
from collections.abc import Mapping

from reelmesh_storage.model import asset

FOLDERS: Mapping[asset.Kind, str] = {
    asset.Kind.RENDITION: "videos",
    asset.Kind.THUMBNAIL: "thumbnails",
    asset.Kind.POSTER: "posters",
    asset.Kind.INFOGRAPHIC: "infographics",
    asset.Kind.CLIP: "clips",
    asset.Kind.REFERENCE: "references",
    asset.Kind.FRAME: "frames",
    asset.Kind.FACE: "faces",
}
# Finished work is found by its generation, everything else by its own id.
_NAMED_BY_GENERATION = frozenset(
    {asset.Kind.RENDITION, asset.Kind.THUMBNAIL, asset.Kind.POSTER, asset.Kind.INFOGRAPHIC}
)
_UNDATED = frozenset({asset.Kind.FACE})

EXTENSIONS: Mapping[str, str] = {
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/svg+xml": "svg",
    "text/plain": "txt",
}
_UNKNOWN_EXTENSION = "bin"

# File systems allow 255 bytes in a name; escaped ids may be 12 times as long as what they escape.
SEGMENT_LIMIT_CHARACTERS = 120
_DIGEST_CHARACTERS = 32

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OURS = re.compile(
    rf"(?:[^/]+/)?(?P<folder>{'|'.join(FOLDERS.values())})/[^/]+/(?:\d{{4}}/\d\d/\d\d/)?{_UUID}(?:_[^/]*)?\.[a-z0-9]+"
)


def key(intent: asset.Intent, write_id: uuid.UUID, day: datetime.datetime, *, taken: bool = False) -> str:
    """Return where a write puts its bytes, relative to the bucket.

    Args:
        intent: what is stored.
        write_id: the write's own id.
        day: when the write began, UTC.
        taken: whether the plain key belongs to another write; then the id of the write makes it a different one.
    """
    folders = [FOLDERS[intent.kind], segment(intent.user_id or intent.tenant_id)]
    if intent.tenant_id != asset.DEFAULT_TENANT:
        folders.insert(0, _tenant_folder(intent.tenant_id))
    if intent.kind not in _UNDATED:
        folders.append(f"{day:%Y/%m/%d}")
    stem = _stem(intent) + (f"_{write_id.hex}" if taken else "")
    return "/".join([*folders, f"{stem}.{extension(intent.content_type)}"])


def kind_of(a_key: str) -> asset.Kind | None:
    """Return the kind that a key of this layout belongs to; None if the layout would never have made it."""
    match = _OURS.fullmatch(a_key)
    if match is None:
        return None
    return next(kind for kind, folder in FOLDERS.items() if folder == match["folder"])


def segment(identifier: str) -> str:
    """Return an id as one segment of a path: different for different ids, never hidden, never a way upwards."""
    escaped = urllib.parse.quote(identifier, safe="").replace("~", "%7E")
    if escaped.startswith("."):
        escaped = "%2E" + escaped[1:]
    if len(escaped) <= SEGMENT_LIMIT_CHARACTERS:
        return escaped
    digest = hashlib.sha256(identifier.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    # No escaped id has a tilde, so that a shortened one is never mistaken for a short one.
    return f"{escaped[: SEGMENT_LIMIT_CHARACTERS - _DIGEST_CHARACTERS - 1]}~{digest}"


def extension(content_type: str) -> str:
    """Return the file name's ending for a media type, without a dot."""
    return EXTENSIONS.get(content_type.partition(";")[0].strip().lower(), _UNKNOWN_EXTENSION)


def _tenant_folder(tenant_id: str) -> str:
    escaped = segment(tenant_id)
    # A tenant may be called "videos".
    return f"~{escaped}" if escaped in FOLDERS.values() else escaped


def _stem(intent: asset.Intent) -> str:
    if intent.kind not in _NAMED_BY_GENERATION or intent.generation_id is None:
        return str(intent.asset_id)
    return f"{intent.generation_id}_{segment(intent.name)}" if intent.name else str(intent.generation_id)
